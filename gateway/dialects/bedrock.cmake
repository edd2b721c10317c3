target_sources(tollgate_dialects PRIVATE
  bedrock.cpp bedrock_blocks_read.cpp bedrock_blocks_write.cpp bedrock_error.cpp bedrock_events_read.cpp
  bedrock_events_write.cpp bedrock_fields.cpp bedrock_finish.cpp bedrock_media.cpp bedrock_models.cpp bedrock_reasoning.cpp
  bedrock_reply.cpp bedrock_request_read.cpp bedrock_request_write.cpp bedrock_tools.cpp bedrock_turns.cpp)
