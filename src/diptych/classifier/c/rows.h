/* Sums of weighted rows of floats, one number a value. */

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDE_ROWS __attribute__((target_clones("avx2,fma", "default")))
#else
#define WIDE_ROWS
#endif
#define HEAP 256

typedef struct { const float *rows[HEAP]; double by[HEAP]; Py_ssize_t n; } heap; /* rows that wait to be added */

INLINED void add_some(double *restrict out, const heap *rows, Py_ssize_t values)
{
    for (Py_ssize_t i = 0; i < rows->n; i++)
        for (Py_ssize_t v = 0; v < values; v++) out[v] += rows->by[i] * (double)rows->rows[i][v];
}

/* for few values the sums stay in registers */
INLINED void add_few(double *restrict out, const heap *rows, const int values)
{
    double sum[16];
    for (int v = 0; v < values; v++) sum[v] = out[v];
    for (Py_ssize_t i = 0; i < rows->n; i++)
        for (int v = 0; v < values; v++) sum[v] += rows->by[i] * (double)rows->rows[i][v];
    for (int v = 0; v < values; v++) out[v] = sum[v];
}

WIDE_ROWS static void add_heap(double *restrict out, const heap *rows, Py_ssize_t values)
{
    switch (values) {
#define FEW(n) case n: add_few(out, rows, n); break;
    FEW(1) FEW(2) FEW(3) FEW(4) FEW(5) FEW(6) FEW(7) FEW(8) FEW(9) FEW(10) FEW(11) FEW(12) FEW(13) FEW(14) FEW(15) FEW(16)
#undef FEW
    default: add_some(out, rows, values);
    }
}

static void empty_heap(heap *rows, double *out, Py_ssize_t values)
{
    add_heap(out, rows, values);
    rows->n = 0;
}

static void heap_row(heap *rows, const float *row, double by, double *out, Py_ssize_t values)
{
    if (rows->n == HEAP) empty_heap(rows, out, values);
    rows->rows[rows->n] = row;
    rows->by[rows->n++] = by;
}
