# How every library and tool of the project is declared: one warning policy,
# one sanitizer switch, one way to reach the shared LLVM and MLIR libraries.

function(neuroplast_compile_options target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Werror -Wno-unused-parameter $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  if(NEUROPLAST_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=address,undefined -fno-sanitize=vptr -fno-omit-frame-pointer -g1)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
  if(NEUROPLAST_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# neuroplast_add_library(NAME SOURCES ... [DEPENDS tablegen targets] [LINK_LIBS PUBLIC ...])
function(neuroplast_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  neuroplast_compile_options(${name})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} ${ARG_LINK_LIBS})
endfunction()

# neuroplast_add_tool(NAME SOURCES ... LINK_LIBS ...)
function(neuroplast_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  neuroplast_compile_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
endfunction()
