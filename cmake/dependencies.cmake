# System libraries, each behind one gh_dep_* target.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.85)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
if(GATEHOUSE_TESTS)
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
    # An independent second opinion on tokens; the programs verify with OpenSSL alone.
    pkg_check_modules(JWT REQUIRED IMPORTED_TARGET libjwt)
endif()

# Debian's libcivetweb-dev has no pkg-config file, and on Debian 12 no working CMake package.
find_path(CIVETWEB_INCLUDE_DIR civetweb.h REQUIRED)
find_library(CIVETWEB_LIBRARY civetweb REQUIRED)
add_library(gh_dep_civetweb INTERFACE)
target_include_directories(gh_dep_civetweb SYSTEM INTERFACE ${CIVETWEB_INCLUDE_DIR})
target_link_libraries(gh_dep_civetweb INTERFACE ${CIVETWEB_LIBRARY} Threads::Threads)

add_library(gh_dep_openssl INTERFACE)
target_link_libraries(gh_dep_openssl INTERFACE OpenSSL::Crypto)
add_library(gh_dep_curl INTERFACE)
target_link_libraries(gh_dep_curl INTERFACE PkgConfig::CURL)
add_library(gh_dep_cjson INTERFACE)
target_link_libraries(gh_dep_cjson INTERFACE PkgConfig::CJSON)
add_library(gh_dep_sqlite INTERFACE)
target_link_libraries(gh_dep_sqlite INTERFACE PkgConfig::SQLITE)
