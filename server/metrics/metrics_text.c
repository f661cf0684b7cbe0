#include <inttypes.h>
#include <stdio.h>

#include "server/metrics/metrics_private.h"

/* A value as it stands between quotes ("Comments, help text, and type information"). */
static void append_escaped(gh_buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"') {
            (void)gh_buf_append_char(out, '\\');
        }
        if (*value == '\n') {
            (void)gh_buf_append_cstr(out, "\\n");
        } else {
            (void)gh_buf_append_char(out, *value);
        }
    }
}

void gh_metrics_write_label(const char *name, const char *value, gh_buf *out)
{
    (void)gh_buf_appendf(out, "%s%s=\"", out->len > 0 ? "," : "", name);
    append_escaped(out, value);
    (void)gh_buf_append_char(out, '"');
}

/* Without the zeros at its end: a bucket's bound is always the same text. */
static void append_value(gh_buf *out, int64_t value, unsigned decimals)
{
    char fraction[24] = "";
    int64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++) {
        unit *= 10;
    }
    if (value % unit > 0) {
        int length = snprintf(fraction, sizeof fraction, ".%0*" PRId64, (int)decimals, value % unit);
        while (length > 1 && fraction[length - 1] == '0') {
            fraction[--length] = '\0';
        }
    }
    (void)gh_buf_appendf(out, "%" PRId64 "%s", value / unit, fraction);
}

/* False when nothing has that name (yet), so that there is nothing to write. */
static bool append_label(gh_metrics *metrics, gh_metrics_dimension dimension, size_t index, gh_buf *out)
{
    const gh_metrics_dimension_row *row = &GH_METRICS_DIMENSIONS[dimension];
    const char *text = NULL;
    if (dimension == GH_DIMENSION_NONE) {
        return true;
    }
    if (row->values != NULL) {
        gh_metrics_write_label(row->label, row->values[index], out);
    } else if (dimension == GH_DIMENSION_TOOL) {
        text = index < GH_METRICS_TOOLS_MAX ? atomic_load(&metrics->tools[index]) : "other";
        gh_metrics_write_label(row->label, text != NULL ? text : "", out);
        return text != NULL;
    } else if (dimension == GH_DIMENSION_BUILD) {
        (void)gh_buf_append_cstr(out, metrics->build);
    } else {
        text = index < GH_METRICS_ROUTES_MAX ? metrics->routes[index] : "method=\"other\",route=\"other\"";
        (void)gh_buf_append_cstr(out, text != NULL ? text : "");
        return text != NULL;
    }
    return true;
}

static int64_t read_cell(const atomic_int_least64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void write_line(gh_buf *out, const char *name, const char *suffix, const gh_buf *labels, int64_t value,
                       unsigned decimals)
{
    (void)gh_buf_appendf(out, "%s%s", name, suffix);
    if (labels->len > 0) {
        (void)gh_buf_append_char(out, '{');
        (void)gh_buf_append_view(out, gh_buf_view(labels));
        (void)gh_buf_append_char(out, '}');
    }
    (void)gh_buf_append_char(out, ' ');
    append_value(out, value, decimals);
    (void)gh_buf_append_char(out, '\n');
}

/* The count is what the buckets add up to, so that both agree however much is counted meanwhile. */
static void write_histogram(gh_buf *out, const gh_metrics_row *row, const atomic_int_least64_t *cells,
                            gh_buf *labels)
{
    size_t length = labels->len;
    int64_t sum = read_cell(&cells[GH_METRICS_BUCKETS + 1]);
    int64_t count = 0;
    for (size_t i = 0; i <= GH_METRICS_BUCKETS; i++) {
        count += read_cell(&cells[i]);
        (void)gh_buf_append_cstr(labels, length > 0 ? ",le=\"" : "le=\"");
        if (i < GH_METRICS_BUCKETS) {
            append_value(labels, GH_METRICS_BOUNDS[i], row->decimals);
        } else {
            (void)gh_buf_append_cstr(labels, "+Inf");
        }
        (void)gh_buf_append_char(labels, '"');
        write_line(out, row->name, "_bucket", labels, count, 0);
        labels->len = length;
    }
    write_line(out, row->name, "_sum", labels, sum, row->decimals);
    write_line(out, row->name, "_count", labels, count, 0);
}

static bool is_sparse(const gh_metrics_row *row)
{
    return GH_METRICS_DIMENSIONS[row->first].sparse;
}

static bool was_counted(const atomic_int_least64_t *cells, size_t each)
{
    for (size_t i = 0; i < each; i++) {
        if (read_cell(&cells[i]) != 0) {
            return true;
        }
    }
    return false;
}

static void write_series(gh_metrics *metrics, const gh_metrics_row *row, const atomic_int_least64_t *cells,
                         size_t index, gh_buf *labels, gh_buf *out)
{
    size_t seconds = gh_metrics_size(row->second);
    size_t each = row->kind == GH_METRICS_HISTOGRAM ? GH_METRICS_CELLS_OF_HISTOGRAM : 1;
    bool named = append_label(metrics, row->first, index / seconds, labels) &&
                 append_label(metrics, row->second, index % seconds, labels);
    if (!named || (is_sparse(row) && !was_counted(cells, each)) ||
        (row->set && read_cell(cells) == GH_METRICS_UNSET)) {
        return;
    }
    if (row->kind == GH_METRICS_HISTOGRAM) {
        write_histogram(out, row, cells, labels);
    } else {
        write_line(out, row->name, "", labels, read_cell(cells), row->decimals);
    }
}

static void write_metric(gh_metrics *metrics, gh_metric metric, gh_buf *out)
{
    static const char *const KINDS[] = {
        [GH_METRICS_COUNTER] = "counter", [GH_METRICS_GAUGE] = "gauge", [GH_METRICS_HISTOGRAM] = "histogram"};
    const gh_metrics_row *row = &GH_METRICS_ROWS[metric];
    size_t each = row->kind == GH_METRICS_HISTOGRAM ? GH_METRICS_CELLS_OF_HISTOGRAM : 1;
    const atomic_int_least64_t *cells = &metrics->cells[metrics->begin[metric]];
    size_t series = gh_metrics_cells(row) / each;
    if (row->set && read_cell(cells) == GH_METRICS_UNSET) {
        return;
    }
    (void)gh_buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                         KINDS[row->kind]);
    for (size_t i = 0; i < series; i++) {
        gh_buf text = GH_BUF_INIT((size_t)8192);
        write_series(metrics, row, &cells[i * each], i, &text, out);
        gh_buf_free(&text);
    }
}

gh_status gh_metrics_write(gh_metrics *metrics, gh_buf *out)
{
    for (size_t i = 0; metrics != NULL && i < GH_METRIC_COUNT; i++) {
        write_metric(metrics, (gh_metric)i, out);
    }
    return gh_buf_status(out);
}
