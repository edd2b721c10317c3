target_sources(tollgate_dialects PRIVATE
  ollama.cpp ollama_events.cpp ollama_fields.cpp ollama_parts.cpp ollama_reply.cpp ollama_request_read.cpp
  ollama_request_write.cpp)
