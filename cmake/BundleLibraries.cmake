# Run on installation: puts the shared libraries that programs need, and that no
# system is sure to have, beside them, with the terms that they come under. With PROGRAMS, FOLDER, and EXTRA for those
# that are only loaded by name.
file(GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PROGRAMS}
  LIBRARIES ${EXTRA}
  RESOLVED_DEPENDENCIES_VAR libraries
  UNRESOLVED_DEPENDENCIES_VAR missing
  # Parts of the C and C++ run time: those of a program are one, and the system's.
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|gcc_s|stdc\\+\\+)\\.so" "^libnanobind"
  POST_EXCLUDE_REGEXES "^${FOLDER}/")
if(missing)
  message(FATAL_ERROR "These libraries are nowhere: ${missing}")
endif()
file(MAKE_DIRECTORY ${FOLDER}/licences)
foreach(library ${libraries} ${EXTRA})
  get_filename_component(name ${library} NAME)
  file(REAL_PATH ${library} file)
  file(COPY_FILE ${file} ${FOLDER}/${name} ONLY_IF_DIFFERENT)
  # What its package says of its authors and terms.
  execute_process(COMMAND dpkg-query -S "*/${name}"
    OUTPUT_VARIABLE owner ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX REPLACE "[:,].*" "" owner "${owner}")
  if(owner AND EXISTS /usr/share/doc/${owner}/copyright)
    file(COPY_FILE /usr/share/doc/${owner}/copyright ${FOLDER}/licences/${owner} ONLY_IF_DIFFERENT)
  endif()
endforeach()
