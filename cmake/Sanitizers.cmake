# HE_SANITIZE=ON: address and undefined-behaviour sanitizers in everything that follows. -g1 has the lines of a report's stack; whole debug information takes GCC a third longer.
if(HE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all -g1 -O1)
  add_link_options(-fsanitize=address,undefined)
endif()
