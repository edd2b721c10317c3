target_sources(tollgate_dialects PRIVATE
                   gemini.cpp gemini_fields.cpp gemini_parts.cpp gemini_parts_write.cpp gemini_schema
                       .cpp gemini_request_read.cpp gemini_request_write.cpp gemini_config_read.cpp gemini_config_write
                       .cpp gemini_reply_read.cpp gemini_reply_write.cpp gemini_grounding.cpp gemini_usage
                       .cpp gemini_partial_args.cpp gemini_events_read.cpp gemini_events_write.cpp gemini_error.cpp)
