/* A reader of Prometheus' text format for Check tests: what promtool would object to is a failure here. */
#ifndef GH_TESTS_UNIT_SERVER_PROMETHEUS_TEXT_H
#define GH_TESTS_UNIT_SERVER_PROMETHEUS_TEXT_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMETHEUS_LINE_MAX 4096

static inline bool prometheus_has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = text; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncmp(at, line, length) == 0 && at[length] == '\n') {
            return true;
        }
    }
    return false;
}

/* Of the first line that begins with that name and a space. */
static inline double prometheus_value(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncmp(at, name, length) == 0 && at[length] == ' ') {
            return strtod(at + length, NULL);
        }
    }
    ck_abort_msg("%s is not there", name);
    return 0;
}

static inline size_t prometheus_name(const char *at)
{
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    ck_assert_msg(length > 0, "no name: %.40s", at);
    return length;
}

/* The length of `{a="b",...}`, 0 when there is none; `le` gets the value of that label. */
static inline size_t prometheus_labels(const char *at, char le[32])
{
    const char *begin = at;
    le[0] = '\0';
    if (*at != '{') {
        return 0;
    }
    do {
        at++;
        const char *name = at;
        at += prometheus_name(at);
        ck_assert_msg(at[0] == '=' && at[1] == '"', "no value: %.40s", name);
        const char *value = at += 2;
        while (*at != '"') {
            ck_assert_msg(*at != '\n' && *at != '\0', "unclosed: %.40s", name);
            ck_assert_msg(*at != '\\' || strchr("\\\"n", at[1]) != NULL, "bad escape: %.40s", name);
            at += *at == '\\' ? 2 : 1;
        }
        if (strncmp(name, "le=", 3) == 0) {
            (void)snprintf(le, 32, "%.*s", (int)(at - value), value);
        }
        at++;
    } while (*at == ',');
    ck_assert_msg(*at == '}', "no end of labels: %.80s", begin);
    return (size_t)(at - begin) + 1;
}

typedef struct prometheus_family {
    char name[128];
    char type[16];
    char seen[65536]; /* names and labels of its samples */
    double bucket, bound, infinite;
} prometheus_family;

static inline void prometheus_bucket(prometheus_family *family, const char *le, double value)
{
    double bound = strcmp(le, "+Inf") == 0 ? 1e300 : strtod(le, NULL);
    ck_assert_msg(le[0] != '\0', "%s: a bucket without le", family->name);
    ck_assert_msg(bound > family->bound, "%s: buckets out of order", family->name);
    ck_assert_msg(value >= family->bucket, "%s: buckets do not add up", family->name);
    family->bucket = value;
    family->bound = bound;
    if (strcmp(le, "+Inf") == 0) {
        family->infinite = value;
        family->bucket = 0;
        family->bound = -1;
    }
}

static inline void prometheus_sample(prometheus_family *family, const char *line)
{
    char le[32], series[PROMETHEUS_LINE_MAX], *end = NULL;
    size_t name = prometheus_name(line);
    size_t family_name = strlen(family->name);
    size_t labels = prometheus_labels(line + name, le);
    ck_assert_msg(line[name + labels] == ' ', "no value: %.80s", line);
    double value = strtod(line + name + labels + 1, &end);
    ck_assert_msg(end != NULL && *end == '\n', "junk after the value: %.80s", line);
    ck_assert_msg(strncmp(line, family->name, family_name) == 0, "%.80s is not in %s", line, family->name);
    ck_assert_msg(strcmp(family->type, "gauge") == 0 || value >= 0, "counts down: %.80s", line);
    bool histogram = strcmp(family->type, "histogram") == 0;
    const char *suffix = line + family_name;
    if (!histogram) {
        ck_assert_msg(name == family_name, "%.80s is not %s", line, family->name);
    } else if (strncmp(suffix, "_bucket{", 8) == 0) {
        prometheus_bucket(family, le, value);
    } else if (strncmp(suffix, "_count", 6) == 0) {
        ck_assert_msg(value == family->infinite, "%s: the count is not that of +Inf", family->name);
    } else {
        ck_assert_msg(strncmp(suffix, "_sum", 4) == 0, "%.80s", line);
    }
    (void)snprintf(series, sizeof series, "\n%.*s ", (int)(name + labels), line);
    ck_assert_msg(histogram || strstr(family->seen, series) == NULL, "twice: %s", series);
    if (!histogram) {
        size_t used = strlen(family->seen);
        (void)snprintf(family->seen + used, sizeof family->seen - used, "%s", series);
    }
}

/* Every line: HELP, then TYPE, once for each family, then its samples; names as they are asked for. */
static inline void prometheus_check(const char *text)
{
    static prometheus_family family;
    static char families[16384];
    families[0] = '\0';
    memset(&family, 0, sizeof family);
    ck_assert_msg(text[0] != '\0' && text[strlen(text) - 1] == '\n', "the last line does not end");
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        char name[128], other[128], type[16], mark[160];
        if (strncmp(at, "# HELP ", 7) == 0) {
            ck_assert_int_eq(sscanf(at, "# HELP %127s", name), 1);
            const char *next = strchr(at, '\n') + 1;
            ck_assert_msg(sscanf(next, "# TYPE %127s %15s\n", other, type) == 2, "no TYPE after %.80s", at);
            ck_assert_str_eq(name, other);
            ck_assert_msg(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
                              strcmp(type, "histogram") == 0,
                          "%s", type);
            size_t length = strlen(name);
            bool total = length > 6 && strcmp(name + length - 6, "_total") == 0;
            ck_assert_msg(total == (strcmp(type, "counter") == 0), "%s is a %s", name, type);
            (void)snprintf(mark, sizeof mark, " %s ", name);
            ck_assert_msg(strstr(families, mark) == NULL, "%s twice", name);
            size_t used = strlen(families);
            (void)snprintf(families + used, sizeof families - used, "%s", mark);
            memset(&family, 0, sizeof family);
            (void)snprintf(family.name, sizeof family.name, "%s", name);
            (void)snprintf(family.type, sizeof family.type, "%s", type);
            family.bound = -1;
            at = next;
        } else {
            ck_assert_msg(at[0] != '#' && at[0] != '\n', "out of place: %.80s", at);
            prometheus_sample(&family, at);
        }
    }
}

#endif
