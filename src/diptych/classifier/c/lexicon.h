/* A small table of hashes → two numbers: names of parties, words of attitude, commonest words of languages. */

#define MAP 256 /* words of a bit map that most other hashes end at */

static uint64_t spread(uint64_t h) { return h * 0x9E3779B97F4A7C15ULL; } /* a polynomial hash is no even one */
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
