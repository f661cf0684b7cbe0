# The program: settings apart, so that tests can link them, and the wiring.
add_library(gh_server_options STATIC ${CMAKE_CURRENT_LIST_DIR}/options.c
    ${CMAKE_CURRENT_LIST_DIR}/options_table.c ${CMAKE_CURRENT_LIST_DIR}/settings.c)
target_link_libraries(gh_server_options PUBLIC gh_server_http gatehouse_shared gh_flags)

add_library(gh_server_admin STATIC ${CMAKE_CURRENT_LIST_DIR}/admin_commands.c ${CMAKE_CURRENT_LIST_DIR}/admin_table.c)
target_link_libraries(gh_server_admin PUBLIC gh_server_oauth gh_server_auth gh_server_store gatehouse_shared gh_flags)

add_library(gh_server_identity STATIC ${CMAKE_CURRENT_LIST_DIR}/identity.c
    ${CMAKE_CURRENT_LIST_DIR}/identity_scopes.c)
target_link_libraries(gh_server_identity PUBLIC
    gh_server_options gh_server_http gh_server_mcp gh_server_oauth gh_server_idp gh_server_auth gh_server_store
    gatehouse_shared gh_flags)

add_library(gh_server_credentials STATIC ${CMAKE_CURRENT_LIST_DIR}/credentials.c)
target_link_libraries(gh_server_credentials PUBLIC
    gh_server_identity gh_server_oauth gh_server_idp gh_server_auth gh_server_toolfile gatehouse_shared gh_flags)

add_executable(gatehouse ${CMAKE_CURRENT_LIST_DIR}/main.c ${CMAKE_CURRENT_LIST_DIR}/app.c
    ${CMAKE_CURRENT_LIST_DIR}/commands.c ${CMAKE_CURRENT_LIST_DIR}/commands_tools.c
    ${CMAKE_CURRENT_LIST_DIR}/descriptions.c ${CMAKE_CURRENT_LIST_DIR}/file_tools.c
    ${CMAKE_CURRENT_LIST_DIR}/tools_print.c ${CMAKE_CURRENT_LIST_DIR}/limits.c ${CMAKE_CURRENT_LIST_DIR}/observe.c
    ${CMAKE_CURRENT_LIST_DIR}/admin.c)
target_link_libraries(gatehouse PRIVATE
    gh_server_credentials gh_server_api gh_server_openapi gh_server_toolfile
    gh_server_identity gh_server_options gh_server_http gh_server_oauth gh_server_idp gh_server_plugin gh_server_tools
    gh_server_mcp gh_server_metrics gh_server_exec gh_server_auth gh_server_store gh_server_admin gh_flags)

install(TARGETS gatehouse DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_CURRENT_LIST_DIR}/gatehouse.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
