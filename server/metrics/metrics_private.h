/* What the files of the metrics share. */
#ifndef GH_SERVER_METRICS_METRICS_PRIVATE_H
#define GH_SERVER_METRICS_METRICS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/metrics/metrics.h"

typedef enum gh_metrics_kind { GH_METRICS_COUNTER, GH_METRICS_GAUGE, GH_METRICS_HISTOGRAM } gh_metrics_kind;

/* A set of labels that go together. */
typedef enum gh_metrics_dimension {
    GH_DIMENSION_NONE,
    GH_DIMENSION_BUILD,
    GH_DIMENSION_ROUTE,
    GH_DIMENSION_STATUS,
    GH_DIMENSION_LIMIT,
    GH_DIMENSION_BEARER,
    GH_DIMENSION_GRANT,
    GH_DIMENSION_TOKEN,
    GH_DIMENSION_TOOL,
    GH_DIMENSION_CALL,
    GH_DIMENSION_COUNT
} gh_metrics_dimension;

typedef struct gh_metrics_dimension_row {
    size_t size;               /* how many values it can have */
    const char *label;         /* its name; NULL: the texts are whole */
    const char *const *values; /* fixed ones; NULL: told at run time */
    bool sparse;               /* what was never counted is not written */
} gh_metrics_dimension_row;

typedef struct gh_metrics_row {
    const char *name;
    const char *help;
    gh_metrics_kind kind;
    gh_metrics_dimension first, second;
    unsigned decimals; /* of a value: 3 when it is in thousandths of the unit */
    bool set;          /* gh_metrics_set: not written before */
} gh_metrics_row;

extern const gh_metrics_row GH_METRICS_ROWS[GH_METRIC_COUNT];
extern const gh_metrics_dimension_row GH_METRICS_DIMENSIONS[GH_DIMENSION_COUNT];

/* Upper bounds in nanoseconds; above the last there is +Inf. */
#define GH_METRICS_BUCKETS 17
extern const int64_t GH_METRICS_BOUNDS[GH_METRICS_BUCKETS];
#define GH_METRICS_CELLS_OF_HISTOGRAM (GH_METRICS_BUCKETS + 2) /* each bucket, +Inf, the sum */

#define GH_METRICS_UNSET INT64_MIN

struct gh_metrics {
    pthread_mutex_t lock; /* for new names of tools */
    char *build;
    char *routes[GH_METRICS_ROUTES_MAX];         /* `method="GET",route="/"` */
    _Atomic(char *) tools[GH_METRICS_TOOLS_MAX]; /* names as they are; the first NULL ends them */
    size_t begin[GH_METRIC_COUNT];
    size_t count;
    atomic_int_least64_t cells[];
};

/* Appends `name="value"`, the value escaped, after a comma unless `out` is empty. */
void gh_metrics_write_label(const char *name, const char *value, gh_buf *out);
size_t gh_metrics_size(gh_metrics_dimension dimension);
/* Cells of a metric, histograms with all theirs. */
size_t gh_metrics_cells(const gh_metrics_row *row);

#endif
