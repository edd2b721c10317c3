-- One row per attempt; columns are documented in docs/formats/ledger.md. Times are microseconds since 1970 UTC.
-- Money: cost_nano whole billionths of a dollar, cost_femto the rest (millionths of a billionth, same sign). Both are
-- integers, so sums are exact; cost_usd is the readable decimal made from them.
CREATE TABLE cost_records (
  id TEXT NOT NULL PRIMARY KEY,
  request_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  team TEXT NOT NULL,
  feature TEXT NOT NULL,
  environment TEXT NOT NULL,
  user_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  tags TEXT NOT NULL,
  surface TEXT NOT NULL,
  requested_model TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  served_model TEXT NOT NULL,
  provider_request_id TEXT NOT NULL,
  route TEXT NOT NULL,
  stream INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'error', 'aborted', 'timeout', 'cached')),
  http_status INTEGER,
  error_code TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_5m_tokens INTEGER NOT NULL,
  cache_write_1h_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  audio_input_tokens INTEGER NOT NULL,
  audio_output_tokens INTEGER NOT NULL,
  audio_cache_read_tokens INTEGER NOT NULL,
  image_input_tokens INTEGER NOT NULL,
  image_output_tokens INTEGER NOT NULL,
  web_search_calls INTEGER NOT NULL,
  web_fetch_calls INTEGER NOT NULL,
  file_search_calls INTEGER NOT NULL,
  code_execution_calls INTEGER NOT NULL,
  audio_milliseconds INTEGER NOT NULL,
  characters INTEGER NOT NULL,
  usage_reported INTEGER NOT NULL,
  identity_ok INTEGER NOT NULL,
  service_tier TEXT NOT NULL,
  ttft_ms REAL,
  duration_ms REAL NOT NULL,
  cost_nano INTEGER,
  cost_femto INTEGER,
  cost_source TEXT NOT NULL
    CHECK (cost_source IN ('provider', 'computed', 'estimated', 'cache', 'local', 'unpriced')),
  baseline_cost_nano INTEGER,
  baseline_cost_femto INTEGER,
  price_ids TEXT NOT NULL,
  quarantined INTEGER NOT NULL,
  usage_raw TEXT,
  cache_write_tokens INTEGER GENERATED ALWAYS AS (cache_write_5m_tokens + cache_write_1h_tokens) VIRTUAL,
  cost_usd TEXT GENERATED ALWAYS AS (
    CASE WHEN cost_nano IS NOT NULL THEN rtrim(rtrim(printf('%s%d.%09d%06d',
      CASE WHEN cost_nano < 0 OR cost_femto < 0 THEN '-' ELSE '' END,
      abs(cost_nano) / 1000000000, abs(cost_nano) % 1000000000, abs(cost_femto)), '0'), '.') END) VIRTUAL,
  baseline_cost_usd TEXT GENERATED ALWAYS AS (
    CASE WHEN baseline_cost_nano IS NOT NULL THEN rtrim(rtrim(printf('%s%d.%09d%06d',
      CASE WHEN baseline_cost_nano < 0 OR baseline_cost_femto < 0 THEN '-' ELSE '' END,
      abs(baseline_cost_nano) / 1000000000, abs(baseline_cost_nano) % 1000000000,
      abs(baseline_cost_femto)), '0'), '.') END) VIRTUAL
) WITHOUT ROWID;

CREATE INDEX cost_records_started_at ON cost_records (started_at);

-- For charts; cost_usd is a binary fraction here, exact sums come from the nano and femto columns or `tollgate report`.
CREATE VIEW cost_by_day AS
SELECT strftime('%Y-%m-%d', started_at / 1000000, 'unixepoch') AS day, team, feature, environment, provider, model,
  COUNT(DISTINCT request_id) AS requests, COUNT(*) AS attempts, SUM(outcome IN ('error', 'timeout')) AS errors,
  SUM(input_tokens) AS input_tokens, SUM(cache_read_tokens) AS cache_read_tokens,
  SUM(cache_write_tokens) AS cache_write_tokens, SUM(output_tokens) AS output_tokens,
  SUM(reasoning_tokens) AS reasoning_tokens, SUM(cost_source = 'unpriced') AS unpriced_attempts,
  TOTAL(cost_nano) / 1e9 + TOTAL(cost_femto) / 1e15 AS cost_usd,
  TOTAL(baseline_cost_nano) / 1e9 + TOTAL(baseline_cost_femto) / 1e15 AS baseline_cost_usd
FROM cost_records GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW cost_by_request AS
SELECT request_id, MIN(started_at) AS started_at, MAX(finished_at) AS finished_at, MIN(team) AS team,
  MIN(feature) AS feature, MIN(environment) AS environment, MIN(requested_model) AS requested_model, COUNT(*) AS attempts, TOTAL(cost_nano) / 1e9 + TOTAL(cost_femto) / 1e15 AS cost_usd,
  SUM(cost_source = 'unpriced') AS unpriced_attempts
FROM cost_records GROUP BY request_id;
