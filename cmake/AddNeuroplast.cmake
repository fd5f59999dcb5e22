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

# The headers of MLIR take longer than our code: they are parsed once for all files that
# are compiled in the same way. Files include what they use all the same; a build with
# -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows that.
function(neuroplast_precompile target precompiled)
  if(precompiled MATCHES "\\.h$")
    target_precompile_headers(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${precompiled}>)
  else()
    target_precompile_headers(${target} REUSE_FROM ${precompiled})
  endif()
  # Without, no two builds of a header are the same, and ccache finds none.
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()

# neuroplast_add_library(NAME SOURCES ... [DEPENDS tablegen targets] [LINK_LIBS PUBLIC ...]
#   [PRECOMPILED header, or a library whose header it shares])
function(neuroplast_add_library name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "SOURCES;DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  neuroplast_compile_options(${name})
  if(ARG_PRECOMPILED)
    neuroplast_precompile(${name} ${ARG_PRECOMPILED})
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} ${ARG_LINK_LIBS})
endfunction()

# neuroplast_add_tool(NAME SOURCES ... LINK_LIBS ... [PRECOMPILED header])
function(neuroplast_add_tool name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "SOURCES;LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  neuroplast_compile_options(${name})
  if(ARG_PRECOMPILED)
    neuroplast_precompile(${name} ${ARG_PRECOMPILED})
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
endfunction()

# Makes a file part of a library, between the symbols neuroplast_NAME_begin and _end.
function(neuroplast_embed target name file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.S)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
  .section .rodata
  .globl neuroplast_@name@_begin
  .globl neuroplast_@name@_end
  .p2align 4
neuroplast_@name@_begin:
  .incbin "@file@"
neuroplast_@name@_end:
  .section .note.GNU-stack,"",%progbits
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${source})
endfunction()
