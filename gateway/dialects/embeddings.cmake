target_sources(tollgate_dialects PRIVATE
  embeddings.cpp embeddings_cohere.cpp embeddings_gemini.cpp embeddings_openai.cpp rerank.cpp)
