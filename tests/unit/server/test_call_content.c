/* What a handler answers, and what of it is refused. */
#include "tests/support/suite.h"
#include "tests/unit/server/call_fixture.h"

#define IN_TOOL(name, statement)                                                                             \
    static int name(void *data, gatehouse_call *call)                                                        \
    {                                                                                                        \
        (void)data;                                                                                          \
        statement;                                                                                           \
        return 0;                                                                                            \
    }

IN_TOOL(all_blocks, {
    ck_assert_int_eq(host.add_text(call, "a \"b\"\n"), 0);
    ck_assert_int_eq(host.add_image(call, "\x89PN", 3, "image/png"), 0);
    ck_assert_int_eq(host.add_audio(call, "RIFF", 4, "audio/wav"), 0);
    ck_assert_int_eq(host.add_content(call, " { \"type\" : \"resource_link\", \"uri\":\"x:y\",\"name\":\"n\","
                                            "\"size\":10000000000000000001 } "),
                     0);
    ck_assert_int_eq(host.add_resource_text(call, "x:t", "text/plain", "t"), 0);
    ck_assert_int_eq(host.add_resource_bytes(call, "x:b", NULL, "\0\1", 2), 0);
})

START_TEST(blocks_come_out_in_order_and_as_mcp_writes_them)
{
    answers(
        GH_CALL_TOOL, all_blocks,
        "{\"type\":\"text\",\"text\":\"a \\\"b\\\"\\n\"},"
        "{\"type\":\"image\",\"data\":\"iVBO\",\"mimeType\":\"image/png\"},"
        "{\"type\":\"audio\",\"data\":\"UklGRg==\",\"mimeType\":\"audio/wav\"},"
        "{\"type\":\"resource_link\",\"uri\":\"x:y\",\"name\":\"n\",\"size\":10000000000000000001},"
        "{\"type\":\"resource\",\"resource\":{\"uri\":\"x:t\",\"mimeType\":\"text/plain\",\"text\":\"t\"}},"
        "{\"type\":\"resource\",\"resource\":{\"uri\":\"x:b\",\"blob\":\"AAE=\"}}");
}
END_TEST

IN_TOOL(text_twice, {
    (void)host.add_text(call, "zero");
    (void)host.set_text(call, "one");
    (void)host.set_text(call, "two");
    (void)host.add_text(call, "three");
})

START_TEST(set_text_takes_the_place_of_what_was_there)
{
    answers(GH_CALL_TOOL, text_twice,
            "{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"text\",\"text\":\"three\"}");
}
END_TEST

IN_TOOL(error_first, {
    (void)host.add_text(call, "never seen");
    (void)host.set_error(call, "It is snowing.");
    (void)host.set_error(call, "It is raining.");
    (void)host.set_structured(call, "{\"n\":1}");
    (void)host.set_text(call, "never seen");
    (void)host.add_image(call, "x", 1, "image/png");
})

START_TEST(an_error_takes_the_place_of_everything)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_TOOL, error_first), GH_CALL_ANSWERED);
    ck_assert(call.told.is_error);
    ck_assert_ptr_null(call.told.structured);
    ck_assert_str_eq(gh_buf_cstr(&call.told.content), "{\"type\":\"text\",\"text\":\"It is raining.\"}");
    ck_assert_uint_eq(call.told.count, 1);
    gh_call_clear(&call);
}
END_TEST

IN_TOOL(structured_alone, (void)host.set_structured(call, " { \"n\" : 1.10, \"s\": \" \" } "))
IN_TOOL(structured_with_text, {
    (void)host.set_structured(call, "{\"n\":1}");
    (void)host.set_structured(call, "[2]");
    (void)host.set_text(call, "two");
})

START_TEST(structured_content_keeps_its_digits_and_is_shown_as_text_when_there_is_none)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_TOOL, structured_alone), GH_CALL_ANSWERED);
    ck_assert_str_eq(call.told.structured, "{\"n\":1.10,\"s\":\" \"}");
    ck_assert_str_eq(gh_buf_cstr(&call.told.content),
                     "{\"type\":\"text\",\"text\":\"{\\\"n\\\":1.10,\\\"s\\\":\\\" \\\"}\"}");
    gh_call_clear(&call);
    ck_assert_int_eq(run(&call, GH_CALL_TOOL, structured_with_text), GH_CALL_ANSWERED);
    ck_assert_str_eq(call.told.structured, "[2]");
    ck_assert_str_eq(gh_buf_cstr(&call.told.content), "{\"type\":\"text\",\"text\":\"two\"}");
    gh_call_clear(&call);
}
END_TEST

/* --- resources and prompts --- */

IN_TOOL(contents, {
    (void)host.add_resource_text(call, NULL, NULL, "here");
    (void)host.add_resource_text(call, "test://more", "text/html", "<p>");
    (void)host.add_resource_bytes(call, NULL, "image/png", "x", 1);
})

START_TEST(contents_without_a_uri_or_type_have_the_resources_own)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_RESOURCE);
    question.target = "test://one";
    question.mime_type = "text/plain";
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, contents, NULL), GH_CALL_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&call.told.content),
                     "{\"uri\":\"test://one\",\"mimeType\":\"text/plain\",\"text\":\"here\"},"
                     "{\"uri\":\"test://more\",\"mimeType\":\"text/html\",\"text\":\"<p>\"},"
                     "{\"uri\":\"test://one\",\"mimeType\":\"image/png\",\"blob\":\"eA==\"}");
    ck_assert_uint_eq(call.told.count, 3);
    gh_call_clear(&call);
}
END_TEST

IN_TOOL(not_found, (void)host.set_not_found(call))

START_TEST(a_resource_may_not_be_there_after_all)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_RESOURCE, not_found), GH_CALL_NOT_FOUND);
    gh_call_clear(&call);
}
END_TEST

IN_TOOL(messages, {
    (void)host.set_description(call, "About it");
    (void)host.add_message(call, "user", "Say \"hi\".");
    (void)host.add_message_content(call, "assistant",
                                   "{ \"type\":\"image\",\"data\":\"eA==\",\"mimeType\":\"image/png\" }");
})

START_TEST(a_prompt_has_messages_and_a_description)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_PROMPT, messages), GH_CALL_ANSWERED);
    ck_assert_str_eq(call.told.description, "About it");
    ck_assert_str_eq(gh_buf_cstr(&call.told.content),
                     "{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Say \\\"hi\\\".\"}},"
                     "{\"role\":\"assistant\",\"content\":{\"type\":\"image\",\"data\":\"eA==\",\"mimeType\":"
                     "\"image/png\"}}");
    gh_call_clear(&call);
}
END_TEST

/* --- any answer --- */

IN_TOOL(meta, (void)host.set_meta(call, "{ \"example.org/x\" : 1 }"))
IN_TOOL(protocol_error, {
    (void)host.set_text(call, "never seen");
    ck_assert_int_eq(host.set_protocol_error(call, -1, "first", "{\"n\":1}"), 0);
    ck_assert_int_eq(host.set_protocol_error(call, -32602, "No such city", NULL), 0);
})
IN_TOOL(protocol_error_with_data, (void)host.set_protocol_error(call, 4711, "Gone", " [ 1.0 ] "))

START_TEST(a_result_may_have_meta_or_be_a_protocol_error)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_PROMPT, meta), GH_CALL_ANSWERED);
    ck_assert_str_eq(call.told.meta, "{\"example.org/x\":1}");
    gh_call_clear(&call);
    ck_assert_int_eq(run(&call, GH_CALL_TOOL, protocol_error), GH_CALL_PROTOCOL_ERROR);
    ck_assert_int_eq(call.told.code, -32602);
    ck_assert_str_eq(call.told.message, "No such city");
    ck_assert_ptr_null(call.told.data);
    gh_call_clear(&call);
    ck_assert_int_eq(run(&call, GH_CALL_RESOURCE, protocol_error_with_data), GH_CALL_PROTOCOL_ERROR);
    ck_assert_int_eq(call.told.code, 4711);
    ck_assert_str_eq(call.told.data, "[1.0]");
    gh_call_clear(&call);
}
END_TEST

/* --- refusals: each is a fault, also when the handler does not look --- */

static char long_text[5 * 1024 * 1024];

IN_TOOL(null_text, (void)host.set_text(call, NULL))
IN_TOOL(bad_text, {
    (void)host.set_text(call, "\xff\xfe");
    (void)host.set_text(call, "fine");
})
IN_TOOL(too_long, {
    memset(long_text, 'a', sizeof long_text - 1);
    (void)host.add_text(call, long_text);
})
IN_TOOL(too_much, {
    memset(long_text, 'a', 4 * 1024 * 1024);
    for (int i = 0; i < 5; i++) {
        (void)host.add_text(call, long_text);
    }
})
IN_TOOL(too_many_bytes, (void)host.add_image(call, long_text, sizeof long_text, "image/png"))
IN_TOOL(null_bytes, (void)host.add_audio(call, NULL, 5, "audio/wav"))
IN_TOOL(no_mime_type, (void)host.add_image(call, "x", 1, NULL))
IN_TOOL(null_json, (void)host.set_structured(call, NULL))
IN_TOOL(no_json, (void)host.set_structured(call, "{\"sum\":nan}"))
IN_TOOL(two_values, (void)host.set_structured(call, "{} {}"))
IN_TOOL(array_content, (void)host.add_content(call, "[1]"))
IN_TOOL(unknown_block, (void)host.add_content(call, "{\"type\":\"video\"}"))
IN_TOOL(half_block, (void)host.add_content(call, "{\"type\":\"text\"}"))
IN_TOOL(half_image, (void)host.add_content(call, "{\"type\":\"image\",\"data\":\"eA==\"}"))
IN_TOOL(half_resource, (void)host.add_content(call, "{\"type\":\"resource\",\"resource\":{\"uri\":\"x:y\"}}"))
IN_TOOL(no_uri, (void)host.add_resource_text(call, NULL, NULL, "x"))
IN_TOOL(meta_array, (void)host.set_meta(call, "[]"))
IN_TOOL(meta_reserved, (void)host.set_meta(call, "{\"io.modelcontextprotocol/serverInfo\":{}}"))
IN_TOOL(meta_hidden, (void)host.set_meta(call, "{\"\\u0069o.modelcontextprotocol/serverInfo\":{}}"))
IN_TOOL(reserved_code, (void)host.set_protocol_error(call, -32601, "x", NULL))
IN_TOOL(mcp_code, (void)host.set_protocol_error(call, -32042, "x", NULL))
IN_TOOL(bad_data, (void)host.set_protocol_error(call, 1, "x", "x"))
IN_TOOL(wrong_role, (void)host.add_message(call, "system", "x"))
IN_TOOL(null_role, (void)host.add_message(call, NULL, "x"))
IN_TOOL(message_block, (void)host.add_message_content(call, "user", "\"x\""))

typedef struct refusal {
    gh_call_kind kind;
    gatehouse_handler handler;
    const char *part;
} refusal;

static const refusal REFUSALS[] = {
    {GH_CALL_TOOL, null_text, "set_text was refused: there is no text"},
    {GH_CALL_TOOL, bad_text, "not UTF-8"},
    {GH_CALL_TOOL, too_long, "longer than 4 MiB"},
    {GH_CALL_TOOL, too_much, "larger than 16 MiB"},
    {GH_CALL_TOOL, too_many_bytes, "more than 4 MiB"},
    {GH_CALL_TOOL, null_bytes, "no bytes"},
    {GH_CALL_TOOL, no_mime_type, "no MIME type"},
    {GH_CALL_TOOL, null_json, "there is no JSON"},
    {GH_CALL_TOOL, no_json, "not JSON"},
    {GH_CALL_TOOL, two_values, "not JSON"},
    {GH_CALL_TOOL, array_content, "no content block"},
    {GH_CALL_TOOL, unknown_block, "none of text, image"},
    {GH_CALL_TOOL, half_block, "a text block needs"},
    {GH_CALL_TOOL, half_image, "an image block needs"},
    {GH_CALL_TOOL, half_resource, "an embedded resource needs"},
    {GH_CALL_TOOL, no_uri, "has to say which URI"},
    {GH_CALL_TOOL, meta_array, "not a JSON object"},
    {GH_CALL_TOOL, meta_reserved, "the server's"},
    {GH_CALL_TOOL, meta_hidden, "the server's"},
    {GH_CALL_TOOL, reserved_code, "reserved"},
    {GH_CALL_TOOL, mcp_code, "reserved"},
    {GH_CALL_TOOL, bad_data, "not JSON"},
    {GH_CALL_PROMPT, wrong_role, "neither"},
    {GH_CALL_PROMPT, null_role, "neither"},
    {GH_CALL_PROMPT, message_block, "no content block"},
    {GH_CALL_PROMPT, text_twice, "add_text was refused: a prompt has no use"},
    {GH_CALL_RESOURCE, error_first, "a resource has no use"},
    {GH_CALL_TOOL, messages, "a tool has no use"},
    {GH_CALL_TOOL, not_found, "a tool has no use"},
    {GH_CALL_COMPLETION, structured_alone, "a completion has no use"},
};

START_TEST(what_is_wrong_is_refused_and_the_reason_is_told)
{
    gh_call call;
    const refusal *one = &REFUSALS[_i];
    ck_assert_int_eq(run(&call, one->kind, one->handler), GH_CALL_FAULT);
    ck_assert_msg(strstr(call.why.message, one->part) != NULL, "%s", call.why.message);
    gh_call_clear(&call);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call content");
    TCase *tc = tcase_create("content");
    tcase_add_checked_fixture(tc, fill_host, NULL);
    tcase_add_test(tc, blocks_come_out_in_order_and_as_mcp_writes_them);
    tcase_add_test(tc, set_text_takes_the_place_of_what_was_there);
    tcase_add_test(tc, an_error_takes_the_place_of_everything);
    tcase_add_test(tc, structured_content_keeps_its_digits_and_is_shown_as_text_when_there_is_none);
    tcase_add_test(tc, contents_without_a_uri_or_type_have_the_resources_own);
    tcase_add_test(tc, a_resource_may_not_be_there_after_all);
    tcase_add_test(tc, a_prompt_has_messages_and_a_description);
    tcase_add_test(tc, a_result_may_have_meta_or_be_a_protocol_error);
    tcase_add_loop_test(tc, what_is_wrong_is_refused_and_the_reason_is_told, 0,
                        sizeof REFUSALS / sizeof REFUSALS[0]);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
