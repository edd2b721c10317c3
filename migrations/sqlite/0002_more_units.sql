-- Units that came with further vendors: one column per bucket; rows from before have none of them.
ALTER TABLE cost_records ADD COLUMN video_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cost_records ADD COLUMN image_cache_read_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cost_records ADD COLUMN citation_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cost_records ADD COLUMN search_units INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cost_records ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cost_records ADD COLUMN pages INTEGER NOT NULL DEFAULT 0;
