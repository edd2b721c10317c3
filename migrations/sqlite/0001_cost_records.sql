-- One row per attempt; columns are documented in docs/formats/ledger.md. Times are microseconds since 1970 UTC.
-- Money is exact decimal text. SUM() over it is a binary fraction, good for charts; `tollgate report` sums exactly.
-- No generated columns and no CHECKs: SQLite evaluates them on every insert, and they doubled its cost.
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
  outcome TEXT NOT NULL,
  http_status INTEGER,
  error_code TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
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
  cost_usd TEXT,
  cost_source TEXT NOT NULL,
  baseline_cost_usd TEXT,
  price_ids TEXT NOT NULL,
  quarantined INTEGER NOT NULL,
  usage_raw TEXT
);

CREATE INDEX cost_records_started_at ON cost_records (started_at);

CREATE VIEW cost_by_day AS
SELECT strftime('%Y-%m-%d', started_at / 1000000, 'unixepoch') AS day, team, feature, environment, provider, model,
  COUNT(DISTINCT request_id) AS requests, COUNT(*) AS attempts, SUM(outcome IN ('error', 'timeout')) AS errors,
  SUM(input_tokens) AS input_tokens, SUM(cache_read_tokens) AS cache_read_tokens,
  SUM(cache_write_tokens) AS cache_write_tokens, SUM(output_tokens) AS output_tokens,
  SUM(reasoning_tokens) AS reasoning_tokens, SUM(cost_source = 'unpriced') AS unpriced_attempts,
  TOTAL(cost_usd) AS cost_usd,
  TOTAL(baseline_cost_usd) AS baseline_cost_usd
FROM cost_records GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW cost_by_request AS
SELECT request_id, MIN(started_at) AS started_at, MAX(finished_at) AS finished_at, MIN(team) AS team,
  MIN(feature) AS feature, MIN(environment) AS environment, MIN(requested_model) AS requested_model, COUNT(*) AS attempts, TOTAL(cost_usd) AS cost_usd,
  SUM(cost_source = 'unpriced') AS unpriced_attempts
FROM cost_records GROUP BY request_id;
