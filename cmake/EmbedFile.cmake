# tollgate_embed(OUT name=file ...): generates a .cpp that defines, for every pair, a function
#   std::string_view tollgate::embedded::<name>();
# holding the file's bytes, and sets OUT to that .cpp (to be listed among a target's sources). Users declare the functions
# they need, for example in a small header of the module:
#   namespace tollgate::embedded { std::string_view default_yaml(); }
# Functions, not objects, so that there is no static-initialisation order to think of. The generated file is rebuilt when
# any of the embedded files changes; files are relative to the calling CMakeLists.txt.
set(TOLLGATE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_script.cmake)

function(tollgate_embed out)
  set(pairs "")
  set(files "")
  set(key "")
  foreach(pair IN LISTS ARGN)
    string(FIND "${pair}" "=" at)
    string(SUBSTRING "${pair}" 0 ${at} name)
    math(EXPR at "${at} + 1")
    string(SUBSTRING "${pair}" ${at} -1 file)
    get_filename_component(file "${file}" ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    string(APPEND pairs "${name}=${file}|")
    list(APPEND files ${file})
    string(APPEND key "${name} ")
  endforeach()
  string(MD5 digest "${key}")
  string(SUBSTRING ${digest} 0 8 digest)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/embedded_${digest}.cpp)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DOUT=${generated} "-DPAIRS=${pairs}" -P ${TOLLGATE_EMBED_SCRIPT}
    DEPENDS ${files} ${TOLLGATE_EMBED_SCRIPT}
    COMMENT "Embedding ${key}"
    VERBATIM)
  set(${out} ${generated} PARENT_SCOPE)
endfunction()
