# Precompiled headers: TOLLGATE_PRECOMPILE takes the headers that most sources share through the compiler once per group
# instead of once per source, about half of a cold build's time. Sources go on including what they need; the dev preset,
# which does without, proves that.
#
# tollgate_precompile(target group): the target's sources start from the group's headers. Groups: std (cmake/precompiled.h),
# net (std and core/net), dialects (std and what every dialect includes). A source with compiler options of its
# own needs SKIP_PRECOMPILE_HEADERS.
# The environment variable of that name is the default, for scripts that build many presets.
option(TOLLGATE_PRECOMPILE "Precompile shared headers" $ENV{TOLLGATE_PRECOMPILE})

function(tollgate_precompile_group group)
  set(source ${CMAKE_BINARY_DIR}/precompiled/${group}.cpp)
  if(NOT EXISTS ${source})
    file(WRITE ${source} "// Belongs to the precompiled headers of ${group}.\n")
  endif()
  add_library(tollgate_precompiled_${group} OBJECT ${source})
  target_link_libraries(tollgate_precompiled_${group} PRIVATE tollgate_options)
  list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/)
  target_precompile_headers(tollgate_precompiled_${group} PRIVATE ${ARGN})
endfunction()

if(TOLLGATE_PRECOMPILE)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    # Equal headers make equal files, so that ccache knows what was made from them.
    target_compile_options(tollgate_options INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
  tollgate_precompile_group(std cmake/precompiled.h)
  tollgate_precompile_group(net cmake/precompiled.h core/net/client.h core/spawn.h)
  tollgate_precompile_group(dialects cmake/precompiled.h gateway/dialects/common.h)
endif()

function(tollgate_precompile target group)
  if(TOLLGATE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM tollgate_precompiled_${group})
  endif()
endfunction()
