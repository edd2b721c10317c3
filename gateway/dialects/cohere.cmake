target_sources(tollgate_dialects PRIVATE
  cohere.cpp cohere_error.cpp cohere_events_read.cpp cohere_events_write.cpp cohere_fields.cpp cohere_messages.cpp
  cohere_parts.cpp cohere_reply.cpp cohere_request_read.cpp cohere_request_write.cpp)
