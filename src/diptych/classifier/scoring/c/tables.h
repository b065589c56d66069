/* Tables of words: those that were seen, and those that a model knows by heart. */

/* words: their own term and what their letter runs add, looked up once and kept; four ways a set, the oldest gives way */

#define KEPT_SETS (1 << 13)
#define WAYS 4

typedef struct { uint64_t h; int32_t term; float length; } kept_word;
typedef struct { kept_word *at; float *rows; uint8_t *oldest; Py_ssize_t stride; } kept;

static int kept_start(kept *k, Py_ssize_t values)
{
    k->stride = (values + 3) / 4 * 4;
    k->at = spread_memory(KEPT_SETS * WAYS * sizeof(kept_word), 1);
    k->rows = spread_memory(KEPT_SETS * WAYS * (size_t)k->stride * sizeof(float), 0);
    k->oldest = calloc(KEPT_SETS, 1);
    return k->at && k->rows && k->oldest ? 0 : -1;
}

static void kept_end(kept *k) { spread_end(k->at); spread_end(k->rows); free(k->oldest); }

static size_t set_of(uint64_t h) { return (size_t)(h * 0x9E3779B97F4A7C15ULL >> 32 & (KEPT_SETS - 1)) * WAYS; }

/* where a word is kept, or -1 */
static int32_t kept_at(const kept *k, uint64_t h)
{
    size_t set = set_of(h);
    for (int way = 0; way < WAYS; way++)
        if (k->at[set + way].h == h) return h ? (int32_t)set + way : -1;
    return -1;
}

static int32_t place_to_keep(kept *k, uint64_t h)
{
    size_t set = set_of(h);
    uint8_t *oldest = &k->oldest[set / WAYS], way = *oldest;
    *oldest = (uint8_t)((way + 1) % WAYS);
    return (int32_t)set + way;
}

static float *kept_row(const kept *k, int32_t place) { return k->rows + (size_t)place * (size_t)k->stride; }

/* a small table of hashes → two numbers: names of parties, words of attitude, commonest words of languages */

#define MAP 256 /* words of a bit map that most other hashes end at */

static void map_put(uint64_t *map, uint64_t spread) { map[spread >> 56] |= 1ULL << (spread >> 50 & 63); }
static int map_has(const uint64_t *map, uint64_t spread) { return (int)(map[spread >> 56] >> (spread >> 50 & 63) & 1); }

typedef struct { uint64_t h; int64_t first, second; } entry; /* free: second is 0 and first -1 */
typedef struct { entry *at; uint64_t mask, map[MAP]; } table;

static int table_start(table *t, Py_ssize_t n)
{
    uint64_t size = 64;
    while (size < (uint64_t)n * 3) size *= 2;
    t->mask = size - 1;
    t->at = malloc(size * sizeof(entry));
    memset(t->map, 0, sizeof t->map);
    for (uint64_t i = 0; t->at && i < size; i++) t->at[i] = (entry){0, -1, 0};
    return t->at ? 0 : -1;
}

static uint64_t spread(uint64_t h) { return h * 0x9E3779B97F4A7C15ULL; } /* a polynomial hash is no even one */

static entry *table_at(const table *t, uint64_t h)
{
    uint64_t p = spread(h) >> 40 & t->mask;
    while (t->at[p].h != h && (t->at[p].first != -1 || t->at[p].second)) p = (p + 1) & t->mask;
    return &t->at[p];
}

static entry *table_put(table *t, uint64_t h)
{
    entry *e = table_at(t, h);
    e->h = h;
    map_put(t->map, spread(h));
    return e;
}

static const entry *table_get(const table *t, uint64_t h) /* NULL where there is none */
{
    if (!map_has(t->map, spread(h))) return NULL;
    const entry *e = table_at(t, h);
    return e->first != -1 || e->second ? e : NULL;
}
