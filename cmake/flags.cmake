# Flags that every target of this project is built with: warnings are errors, hardening is on.
add_library(gh_flags INTERFACE)
target_include_directories(gh_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(gh_flags INTERFACE _GNU_SOURCE GATEHOUSE_VERSION="${PROJECT_VERSION}")
target_compile_options(gh_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wpointer-arith -Wundef -Wwrite-strings -Werror
    -fno-strict-aliasing -fstack-protector-strong -ffunction-sections -fdata-sections)
target_link_options(gh_flags INTERFACE -Wl,-z,relro,-z,now,--gc-sections,--as-needed)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
    target_compile_options(gh_flags INTERFACE -fcf-protection=full)
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    target_compile_options(gh_flags INTERFACE -fstack-clash-protection)
    add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()

if(GATEHOUSE_SANITIZE)
    target_compile_options(gh_flags INTERFACE
        -fsanitize=${GATEHOUSE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(gh_flags INTERFACE -fsanitize=${GATEHOUSE_SANITIZE})
else()
    # Sanitizers check more than _FORTIFY_SOURCE does, and it needs an optimised build.
    target_compile_options(gh_flags INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
