/* Terms → the model's records.
 *
 * A term is known by a polynomial hash of its letters, which can be put together from the hashes of its parts: terms are
 * never written out. The terms of a passage are gathered first and looked up together, in passes that wait for no memory:
 * a bit map that most unknown terms end at, then the index, then the record.
 */
enum { WORDS, RUNS, PARTIES, SIDES, TERM_KINDS };

static const uint64_t SEEDS[TERM_KINDS] = {0x243F6A8885A308D3ULL, 0x13198A2E03707344ULL, 0xA4093822299F31D0ULL, 0x082EFA98EC4E6C89ULL};

typedef struct { uint64_t h, power; } hashed; /* of a string: its hash, and BASE to the number of its letters */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30; x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27; x *= 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static hashed joined(hashed a, hashed b)
{
    hashed r = {a.h + a.power * b.h, a.power * b.power};
    return r;
}

static hashed hash_letters(const letter *s, Py_ssize_t n)
{
    hashed r = {0, 1};
    for (Py_ssize_t i = 0; i < n; i++) {
        r.h += ((uint64_t)s[i] + 1) * r.power;
        r.power *= BASE;
    }
    return r;
}

static hashed hash_text(const char *s)
{
    hashed r = {0, 1};
    for (; *s; s++) {
        r.h += ((uint64_t)(unsigned char)*s + 1) * r.power;
        r.power *= BASE;
    }
    return r;
}

/* a record, of `stride` bytes: a term's hash, its idf, and what it adds to every value */
typedef struct { uint64_t h; float length; float row[]; } record;

typedef struct {
    Py_ssize_t terms, values, stride;
    char *records;
    uint32_t *places; /* 8 bits of the hash, 24 of the record's number from 1 */
    uint64_t mask;
    uint64_t *map;
    uint64_t map_mask;
} index_;

#define MOST_TERMS ((1 << 24) - 2)

static const record *record_at(const index_ *x, uint32_t i) { return (const record *)(x->records + (size_t)i * (size_t)x->stride); }
static int perhaps(const index_ *x, uint64_t h) { return (int)(x->map[(h & x->map_mask) >> 6] >> (h & 63) & 1); }
static uint64_t place_of(const index_ *x, uint64_t h) { return h >> 20 & x->mask; }

/* the number of a term's record, or -1 */
static int32_t find(const index_ *x, uint64_t h)
{
    for (uint64_t p = place_of(x, h);; p = (p + 1) & x->mask) {
        uint32_t there = x->places[p];
        if (!there) return -1;
        if (there >> 24 == h >> 56 && record_at(x, (there & 0xFFFFFF) - 1)->h == h) return (int32_t)(there & 0xFFFFFF) - 1;
    }
}

/* memory for tables that are read here and there: in large pages where the system has them, so that finding a page
 * costs less than reading it; with a cache line to spare. What is written before it is read need not be zeroed. */
static void *spread_memory(size_t size, int zeroed)
{
    void *found = NULL;
    size_t page = size > (1 << 20) ? 1 << 21 : 64;
    size = (size + 64 + page - 1) / page * page;
#ifdef _WIN32
    found = _aligned_malloc(size, page);
#else
    if (posix_memalign(&found, page, size)) found = NULL;
#endif
#ifdef MADV_HUGEPAGE
    if (found && page > 64) madvise(found, size, MADV_HUGEPAGE);
#endif
    if (found && zeroed) memset(found, 0, size);
    return found;
}

static void spread_end(void *at)
{
#ifdef _WIN32
    _aligned_free(at);
#else
    free(at);
#endif
}

static int fill_index(index_ *x, const uint64_t *hashes, const float *idf, const float *rows, const int32_t *order)
{
    uint64_t size = 1024, bits = 1 << 16;
    while (size < (uint64_t)x->terms * 2) size *= 2;
    while (bits < (uint64_t)x->terms * 8) bits *= 2;
    x->mask = size - 1;
    x->map_mask = bits - 1;
    x->records = spread_memory((size_t)x->terms * (size_t)x->stride, 0);
    x->places = spread_memory(size * sizeof(uint32_t), 1);
    x->map = spread_memory(bits / 8, 1);
    if (!x->records || !x->places || !x->map) return -1;
    for (Py_ssize_t i = 0; i < x->terms; i++) {
        int32_t from = order[i]; /* the commonest terms first, so that they lie together */
        record *r = (record *)(x->records + (size_t)i * (size_t)x->stride);
        r->h = hashes[from];
        r->length = idf[from];
        memcpy(r->row, rows + (size_t)from * (size_t)x->values, (size_t)x->values * sizeof(float));
        uint64_t p = place_of(x, r->h);
        while (x->places[p]) p = (p + 1) & x->mask;
        x->places[p] = (uint32_t)(r->h >> 56 << 24) | (uint32_t)(i + 1);
        x->map[(r->h & x->map_mask) >> 6] |= 1ULL << (r->h & 63);
    }
    return 0;
}

static void index_end(index_ *x) { spread_end(x->records); spread_end(x->places); spread_end(x->map); }

/* the terms of a passage, of one kind, in the order they come */

typedef struct { uint64_t *at; Py_ssize_t n, room; } pile;

static int put(pile *p, uint64_t h)
{
    if (p->n == p->room && make_room(&p->at, &p->room, p->n + 1, sizeof(uint64_t))) return -1;
    p->at[p->n++] = h;
    return 0;
}

/* Replace the hashes of a pile by the numbers of their records; those of unknown terms drop out. */
static void look_up(const index_ *x, pile *p, int kind)
{
    Py_ssize_t likely = 0, left = 0, known = 0;
    for (Py_ssize_t i = 0; i < p->n; i++) {
        uint64_t h = mix(p->at[i] ^ SEEDS[kind]);
        p->at[likely] = h;
        likely += perhaps(x, h);
    }
    for (Py_ssize_t i = 0; i < likely; i++) __builtin_prefetch(&x->places[place_of(x, p->at[i])]);
    for (Py_ssize_t i = 0; i < likely; i++) {
        uint64_t h = p->at[i], at = place_of(x, h);
        while (x->places[at] && x->places[at] >> 24 != h >> 56) at = (at + 1) & x->mask;
        if (!x->places[at]) continue;
        __builtin_prefetch(record_at(x, (x->places[at] & 0xFFFFFF) - 1));
        p->at[left++] = h;
    }
    for (Py_ssize_t i = 0; i < left; i++) {
        int32_t number = find(x, p->at[i]);
        if (number >= 0) p->at[known++] = (uint64_t)number;
    }
    p->n = known;
}

/* how often each known term stands in a passage */

typedef struct { int32_t *slot, *term, *count, *used; Py_ssize_t n, room; uint32_t mask; } bag;

static int bag_room(bag *b, Py_ssize_t room)
{
    uint32_t size = 4 * (uint32_t)room;
    int32_t *slot = malloc(size * sizeof(int32_t));
    int32_t *term = realloc(b->term, (size_t)room * sizeof(int32_t));
    if (term) b->term = term;
    int32_t *count = realloc(b->count, (size_t)room * sizeof(int32_t));
    if (count) b->count = count;
    int32_t *used = realloc(b->used, (size_t)room * sizeof(int32_t));
    if (used) b->used = used;
    if (!slot || !term || !count || !used) { free(slot); return -1; }
    free(b->slot);
    b->slot = slot;
    b->mask = size - 1;
    b->room = room;
    memset(slot, 0xFF, size * sizeof(int32_t));
    for (Py_ssize_t i = 0; i < b->n; i++) {
        uint32_t p = ((uint32_t)b->term[i] * 2654435761u) >> 7 & b->mask;
        while (slot[p] >= 0) p = (p + 1) & b->mask;
        slot[p] = (int32_t)i;
        b->used[i] = (int32_t)p;
    }
    return 0;
}

static int bag_add(bag *b, int32_t term)
{
    if (b->n == b->room && bag_room(b, 2 * b->room)) return -1;
    uint32_t p = ((uint32_t)term * 2654435761u) >> 7 & b->mask;
    for (; b->slot[p] >= 0; p = (p + 1) & b->mask) {
        if (b->term[b->slot[p]] == term) {
            b->count[b->slot[p]]++;
            return 0;
        }
    }
    b->slot[p] = (int32_t)b->n;
    b->used[b->n] = (int32_t)p;
    b->term[b->n] = term;
    b->count[b->n++] = 1;
    return 0;
}

static void bag_empty(bag *b)
{
    for (Py_ssize_t i = 0; i < b->n; i++) b->slot[b->used[i]] = -1;
    b->n = 0;
}

static void bag_end(bag *b) { free(b->slot); free(b->term); free(b->count); free(b->used); }
