# Warnings are errors.
function(he_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /WX)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wno-sign-conversion -Wno-psabi -Wno-restrict -Werror)
  endif()
endfunction()
