-- Units that came with further vendors: one column per bucket; rows from before have none of them. A constant default
-- rewrites no partition.
ALTER TABLE cost_records
  ADD COLUMN video_input_tokens BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN image_cache_read_tokens BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN citation_tokens BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN search_units BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN images BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN pages BIGINT NOT NULL DEFAULT 0;
