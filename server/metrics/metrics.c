#include "server/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "server/metrics/metrics_private.h"

#define LABEL_MAX ((size_t)4096)

/* `a="x",b="y"`, owned; NULL on lack of memory. */
static char *make_label(const char *a, const char *x, const char *b, const char *y)
{
    gh_buf text = GH_BUF_INIT(LABEL_MAX);
    gh_metrics_write_label(a, x, &text);
    gh_metrics_write_label(b, y, &text);
    char *label = gh_buf_status(&text) == GH_OK ? gh_buf_steal(&text) : NULL;
    gh_buf_free(&text);
    return label;
}

gh_status gh_metrics_new(const char *version, const char *mode, gh_metrics **metrics)
{
    size_t cells = 0;
    *metrics = NULL;
    for (size_t i = 0; i < GH_METRIC_COUNT; i++) {
        cells += gh_metrics_cells(&GH_METRICS_ROWS[i]);
    }
    gh_metrics *made = calloc(1, sizeof *made + cells * sizeof made->cells[0]);
    if (made == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return GH_ERR_NOMEM;
    }
    made->build = make_label("version", version, "auth", mode);
    for (size_t i = 0; i < GH_METRIC_COUNT; i++) {
        made->begin[i] = made->count;
        made->count += gh_metrics_cells(&GH_METRICS_ROWS[i]);
        if (GH_METRICS_ROWS[i].set) {
            gh_metrics_unset(made, (gh_metric)i);
        }
    }
    if (made->build == NULL) {
        gh_metrics_free(made);
        return GH_ERR_NOMEM;
    }
    gh_metrics_set(made, GH_METRIC_BUILD, 1);
    *metrics = made;
    return GH_OK;
}

void gh_metrics_free(gh_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < GH_METRICS_ROUTES_MAX; i++) {
        free(metrics->routes[i]);
    }
    for (size_t i = 0; i < GH_METRICS_TOOLS_MAX; i++) {
        free(atomic_load(&metrics->tools[i]));
    }
    free(metrics->build);
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

void gh_metrics_name_route(gh_metrics *metrics, size_t index, const char *method, const char *path)
{
    if (metrics != NULL && index < GH_METRICS_ROUTES_MAX && metrics->routes[index] == NULL) {
        metrics->routes[index] = make_label("method", method, "route", path);
    }
}

/* Names are only ever added, so that whoever looks needs no lock. */
static size_t find_tool(gh_metrics *metrics, gh_view name, bool *found)
{
    size_t i = 0;
    *found = true;
    for (; i < GH_METRICS_TOOLS_MAX; i++) {
        const char *known = atomic_load_explicit(&metrics->tools[i], memory_order_acquire);
        if (known == NULL) {
            *found = false;
            break;
        }
        if (gh_view_eq_cstr(name, known)) {
            break;
        }
    }
    return i;
}

size_t gh_metrics_tool(gh_metrics *metrics, gh_view name)
{
    bool found = false;
    if (metrics == NULL) {
        return 0;
    }
    size_t index = find_tool(metrics, name, &found);
    if (found) {
        return index;
    }
    (void)pthread_mutex_lock(&metrics->lock);
    index = find_tool(metrics, name, &found);
    if (!found) {
        char *copy = gh_view_dup(name);
        atomic_store_explicit(&metrics->tools[index], copy, memory_order_release);
        index = copy == NULL ? GH_METRICS_TOOLS_MAX : index;
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return index;
}

/* --- counting --- */

static size_t bounded(gh_metrics_dimension dimension, size_t index)
{
    size_t size = gh_metrics_size(dimension);
    return index < size ? index : size - 1;
}

static atomic_int_least64_t *cell_of(gh_metrics *metrics, gh_metric metric, size_t first, size_t second,
                                     size_t each)
{
    const gh_metrics_row *row = &GH_METRICS_ROWS[metric];
    size_t at = bounded(row->first, first) * gh_metrics_size(row->second) + bounded(row->second, second);
    return &metrics->cells[metrics->begin[metric] + at * each];
}

static void add(atomic_int_least64_t *cell, int64_t value)
{
    (void)atomic_fetch_add_explicit(cell, value, memory_order_relaxed);
}

void gh_metrics_count(gh_metrics *metrics, gh_metric metric, size_t first, size_t second)
{
    if (metrics != NULL) {
        add(cell_of(metrics, metric, first, second, 1), 1);
    }
}

void gh_metrics_observe(gh_metrics *metrics, gh_metric metric, size_t first, int64_t ns)
{
    size_t bucket = 0;
    if (metrics == NULL) {
        return;
    }
    while (bucket < GH_METRICS_BUCKETS && ns > GH_METRICS_BOUNDS[bucket]) {
        bucket++;
    }
    atomic_int_least64_t *cells = cell_of(metrics, metric, first, 0, GH_METRICS_CELLS_OF_HISTOGRAM);
    add(&cells[bucket], 1);
    add(&cells[GH_METRICS_BUCKETS + 1], ns > 0 ? ns : 0);
}

void gh_metrics_set(gh_metrics *metrics, gh_metric metric, int64_t value)
{
    if (metrics != NULL) {
        atomic_store_explicit(cell_of(metrics, metric, 0, 0, 1), value, memory_order_relaxed);
    }
}

void gh_metrics_unset(gh_metrics *metrics, gh_metric metric)
{
    gh_metrics_set(metrics, metric, GH_METRICS_UNSET);
}
