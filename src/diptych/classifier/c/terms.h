/* Terms → the model's records.
 *
 * A term is known by a polynomial hash of its letters, which can be put together from the hashes of its parts: terms are
 * never written out. The terms of a passage are gathered first and looked up together, in passes that wait for no memory:
 * a bit map that most unknown terms end at, then the index, then the record, one cache line where a model has up to 13
 * values. Records lie in the order of how common their terms are: those that are read often share few pages.
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
    uint64_t *map, map_mask;
} index_;

#define MOST_TERMS ((1 << 24) - 2)

static record *record_at(const index_ *x, uint64_t i) { return (record *)(x->records + (size_t)i * (size_t)x->stride); }
static int perhaps(const index_ *x, uint64_t h) { return (int)(x->map[(h & x->map_mask) >> 6] >> (h & 63) & 1); }
static uint64_t place_of(const index_ *x, uint64_t h) { return h >> 20 & x->mask; }

/* the number from 1 of a record that may be a term's, at `*p` or behind it; 0 if there is none */
static uint32_t likely(const index_ *x, uint64_t h, uint64_t *p)
{
    while (x->places[*p] && x->places[*p] >> 24 != h >> 56) *p = (*p + 1) & x->mask;
    return x->places[*p] & 0xFFFFFF;
}

/* the number of a term's record, or -1 */
static int32_t find(const index_ *x, uint64_t h)
{
    for (uint64_t p = place_of(x, h);; p = (p + 1) & x->mask) {
        uint32_t there = likely(x, h, &p);
        if (!there) return -1;
        if (record_at(x, there - 1)->h == h) return (int32_t)there - 1;
    }
}

/* Put the records in order, by their idf to a part of its range, and fill the index. 1 if an idf is not above zero. */
static int fill_index(index_ *x, const uint64_t *hashes, const float *idf, const float *rows)
{
    enum { STEPS = 1024 };
    uint64_t size = 1024, bits = 1 << 16;
    float least = x->terms ? idf[0] : 1, most = least;
    Py_ssize_t next[STEPS + 1] = {0};
    while (size < (uint64_t)x->terms * 6 / 5) size *= 2;
    while (bits < (uint64_t)x->terms * 4) bits *= 2;
    x->mask = size - 1;
    x->map_mask = bits - 1;
    x->records = spread_memory((size_t)x->terms * (size_t)x->stride);
    x->places = spread_memory(size * sizeof(uint32_t));
    x->map = spread_memory(bits / 8);
    if (!x->records || !x->places || !x->map) return -1;
    for (Py_ssize_t i = 0; i < x->terms; i++) {
        if (!(idf[i] > 0 && idf[i] < INFINITY)) return 1;
        if (idf[i] < least) least = idf[i];
        if (idf[i] > most) most = idf[i];
    }
    float step = most > least ? (STEPS - 1) / (most - least) : 0;
    for (Py_ssize_t i = 0; i < x->terms; i++) next[(int)((idf[i] - least) * step) + 1]++;
    for (int i = 0; i < STEPS; i++) next[i + 1] += next[i];
    for (Py_ssize_t i = 0; i < x->terms; i++) {
        record *r = record_at(x, (uint64_t)next[(int)((idf[i] - least) * step)]++);
        r->h = hashes[i];
        r->length = idf[i];
        memcpy(r->row, rows + (size_t)i * (size_t)x->values, (size_t)x->values * sizeof(float));
        x->map[(r->h & x->map_mask) >> 6] |= 1ULL << (r->h & 63);
    }
    for (Py_ssize_t i = 0; i < x->terms; i++) { /* the common ones first, so that they are found at once */
        uint64_t h = record_at(x, (uint64_t)i)->h, p = place_of(x, h);
        while (x->places[p]) p = (p + 1) & x->mask;
        x->places[p] = (uint32_t)(h >> 56 << 24) | (uint32_t)(i + 1);
    }
    return 0;
}

static void index_end(index_ *x) { spread_end(x->records); spread_end(x->places); spread_end(x->map); }

/* the terms of a passage, of one kind, in the order they come */

typedef struct { uint64_t *at; Py_ssize_t n, done, room; } pile; /* done: how many are looked up */

static int put(pile *p, uint64_t h)
{
    if (p->n == p->room && make_room(&p->at, &p->room, p->n + 1, sizeof(uint64_t))) return -1;
    p->at[p->n++] = h;
    return 0;
}

/* of the new hashes of terms those that the model may know, as it knows them; their places are on the way */
static void look_up(const index_ *x, pile *p, int kind)
{
    Py_ssize_t may_be = p->done;
    for (Py_ssize_t i = p->done; i < p->n; i++) {
        uint64_t h = mix(p->at[i] ^ SEEDS[kind]);
        p->at[may_be] = h;
        may_be += perhaps(x, h);
    }
    for (Py_ssize_t i = p->done; i < may_be; i++) __builtin_prefetch(&x->places[place_of(x, p->at[i])]);
    p->n = p->done = may_be;
}

/* then fetch their records */
static void fetch_records(const index_ *x, pile *p)
{
    Py_ssize_t left = 0;
    for (Py_ssize_t i = 0; i < p->n; i++) {
        uint64_t h = p->at[i], at = place_of(x, h);
        uint32_t number = likely(x, h, &at);
        p->at[left] = h;
        left += number != 0;
        __builtin_prefetch(record_at(x, number ? number - 1 : 0));
    }
    p->n = left;
}

/* then take the numbers of those it knows */
static void settle(const index_ *x, pile *p)
{
    Py_ssize_t known = 0;
    for (Py_ssize_t i = 0; i < p->n; i++) {
        int32_t number = find(x, p->at[i]);
        if (number >= 0) p->at[known++] = (uint64_t)number;
    }
    p->n = known;
}

/* how often each of these records stands in a pile; empty between piles */

typedef struct { uint32_t number, count; } tally; /* number: from 1, 0 for none */
typedef struct { tally *at; size_t size; } tallies;

static int room_for_tallies(tallies *t, Py_ssize_t n)
{
    size_t size = 256;
    while (size < (size_t)n * 4) size *= 2;
    if (size <= t->size) return 0;
    free(t->at);
    t->at = calloc(size, sizeof(tally));
    t->size = t->at ? size : 0;
    return t->at ? 0 : -1;
}

/* every record of a pile once, as where its tally stands */
static void count(tallies *t, pile *p)
{
    Py_ssize_t different = 0;
    uint32_t mask = 255;
    while ((Py_ssize_t)mask < 4 * p->n) mask = 2 * mask + 1;
    for (Py_ssize_t i = 0; i < p->n; i++) {
        uint32_t number = (uint32_t)p->at[i] + 1, at = (number * 0x9E3779B1u) >> 8 & mask;
        while (t->at[at].number && t->at[at].number != number) at = (at + 1) & mask;
        p->at[different] = at;
        different += !t->at[at].number;
        t->at[at].number = number;
        t->at[at].count++;
    }
    p->n = different;
}
