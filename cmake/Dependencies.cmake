# The Debian packages that the programs link, one imported target each. deploy/packages has
# the names that apt knows.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
foreach(module libzmq libprotobuf-c libuv sqlite3 libcyaml yaml-0.1 jansson libpcre2-8 libutf8proc
    libsodium libzstd)
  string(MAKE_C_IDENTIFIER ${module} name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()
find_library(LIBCSV_LIBRARY csv REQUIRED) # libcsv has no pkg-config file
find_program(PROTOC_C protoc-c REQUIRED)
pkg_check_modules(cmocka IMPORTED_TARGET GLOBAL cmocka) # for the tests alone
