# HE_SANITIZE=ON: address and undefined-behaviour sanitizers in everything that follows.
if(HE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all -g -O1)
  add_link_options(-fsanitize=address,undefined)
endif()
