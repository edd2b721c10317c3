target_sources(tollgate_dialects PRIVATE
  anthropic.cpp anthropic_block_write.cpp anthropic_blocks_read.cpp anthropic_count.cpp anthropic_error.cpp
  anthropic_events_read.cpp anthropic_events_write.cpp anthropic_fields.cpp anthropic_finish.cpp anthropic_marker.cpp
  anthropic_models.cpp anthropic_reply.cpp anthropic_reply_blocks.cpp anthropic_request_read.cpp
  anthropic_request_write.cpp anthropic_schema.cpp anthropic_thinking.cpp anthropic_tools.cpp anthropic_turns.cpp
  anthropic_usage.cpp)
