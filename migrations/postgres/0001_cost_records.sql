-- One row per attempt; columns are documented in docs/formats/ledger.md. Partitioned by day of started_at (UTC); the
-- gateway creates partitions ahead, rows of other days land in the default partition and lose nothing.
CREATE TABLE cost_records (
  id UUID NOT NULL,
  request_id UUID NOT NULL,
  attempt BIGINT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL,
  team TEXT NOT NULL,
  feature TEXT NOT NULL,
  environment TEXT NOT NULL,
  user_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  tags JSONB NOT NULL,
  surface TEXT NOT NULL,
  requested_model TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  served_model TEXT NOT NULL,
  provider_request_id TEXT NOT NULL,
  route TEXT NOT NULL,
  stream BOOLEAN NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'error', 'aborted', 'timeout', 'cached')),
  http_status INTEGER,
  error_code TEXT NOT NULL,
  usage_reported BOOLEAN NOT NULL,
  identity_ok BOOLEAN NOT NULL,
  service_tier TEXT NOT NULL,
  ttft_ms DOUBLE PRECISION,
  duration_ms DOUBLE PRECISION NOT NULL,
  cost_usd NUMERIC(38,18),
  cost_source TEXT NOT NULL
    CHECK (cost_source IN ('provider', 'computed', 'estimated', 'cache', 'local', 'unpriced')),
  baseline_cost_usd NUMERIC(38,18),
  price_ids TEXT[] NOT NULL,
  quarantined BOOLEAN NOT NULL,
  usage_raw JSONB,
  input_tokens BIGINT NOT NULL,
  cache_read_tokens BIGINT NOT NULL,
  cache_write_5m_tokens BIGINT NOT NULL,
  cache_write_1h_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  audio_input_tokens BIGINT NOT NULL,
  audio_output_tokens BIGINT NOT NULL,
  audio_cache_read_tokens BIGINT NOT NULL,
  image_input_tokens BIGINT NOT NULL,
  image_output_tokens BIGINT NOT NULL,
  web_search_calls BIGINT NOT NULL,
  web_fetch_calls BIGINT NOT NULL,
  file_search_calls BIGINT NOT NULL,
  code_execution_calls BIGINT NOT NULL,
  audio_milliseconds BIGINT NOT NULL,
  characters BIGINT NOT NULL,
  cache_write_tokens BIGINT GENERATED ALWAYS AS (cache_write_5m_tokens + cache_write_1h_tokens) STORED,
  UNIQUE (id, started_at)
) PARTITION BY RANGE (started_at);

CREATE TABLE cost_records_default PARTITION OF cost_records DEFAULT;
CREATE INDEX cost_records_started_at ON cost_records USING brin (started_at);

CREATE VIEW cost_by_day AS
SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, team, feature, environment, provider, model,
  count(DISTINCT request_id) AS requests, count(*) AS attempts,
  count(*) FILTER (WHERE outcome IN ('error', 'timeout')) AS errors,
  sum(input_tokens) AS input_tokens, sum(cache_read_tokens) AS cache_read_tokens,
  sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens,
  sum(reasoning_tokens) AS reasoning_tokens, count(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_attempts,
  coalesce(sum(cost_usd), 0) AS cost_usd, coalesce(sum(baseline_cost_usd), 0) AS baseline_cost_usd
FROM cost_records GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW cost_by_request AS
SELECT request_id, min(started_at) AS started_at, max(finished_at) AS finished_at, min(team) AS team,
  min(feature) AS feature, min(environment) AS environment, min(requested_model) AS requested_model,
  count(*) AS attempts, coalesce(sum(cost_usd), 0) AS cost_usd,
  count(*) FILTER (WHERE cost_source = 'unpriced') AS unpriced_attempts
FROM cost_records GROUP BY request_id;
