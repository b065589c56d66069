/* Words, and all that is known of each: looked up once and kept, so that a word seen before costs one look.
 *
 * A word of up to 16 codes is known by these, any other by its hash. A table of tags, small enough to stay near, tells where
 * a word is to be fetched from; where four have the places that a fifth wants, it takes one of them in turn.
 */
#define SETS (1 << 13)
#define WAYS 4

typedef struct { uint64_t a, b; } key;
typedef struct { hashed name; uint32_t classes; int32_t party; } token; /* party: its number, -1, or AND_OR */

enum { AND_OR = -2 };
enum { STARTS = 1, GOES_ON = 2, COMMON = 4 }; /* a name of several words may start with it, or go on; the model knows it well */

typedef struct {
    key key;
    token as;          /* as a token by itself */
    int32_t term;      /* the place of its own record, or -1 */
    float length;      /* of its runs of letters: the sum of idf² */
    uint32_t small;    /* of which languages it is a small word: the number of a set of these */
    uint32_t flags;
    float row[];       /* what its runs add */
} kept_word;

typedef struct { uint16_t tag, number; } way; /* tag: 0 for a free one */
typedef struct { way *ways; char *at; Py_ssize_t stride; unsigned turn, used; } kept;
typedef struct { uint32_t set; uint16_t tag; } spot; /* where a word may be kept */

static int kept_start(kept *k, Py_ssize_t values)
{
    k->stride = ((Py_ssize_t)sizeof(kept_word) + values * (Py_ssize_t)sizeof(float) + 63) / 64 * 64;
    k->at = spread_memory(SETS * WAYS * (size_t)k->stride);
    k->ways = spread_memory(SETS * WAYS * sizeof(way));
    return k->at && k->ways ? 0 : -1;
}

static void kept_end(kept *k) { spread_end(k->at); spread_end(k->ways); }

static kept_word *kept_at(const kept *k, size_t place) { return (kept_word *)(k->at + place * (size_t)k->stride); }

static spot spot_of(key w)
{
    uint64_t h = w.a * 0x9E3779B97F4A7C15ULL + w.b * 0xBF58476D1CE4E5B9ULL;
    return (spot){(uint32_t)(h >> 51) * WAYS, (uint16_t)(h >> 30 | 1)};
}

INLINED void fetch_tags(const kept *k, spot at) { __builtin_prefetch(&k->ways[at.set]); }

/* a word that may be the one that is wanted, or NULL */
INLINED kept_word *kept_likely(const kept *k, spot at)
{
    const way *ways = &k->ways[at.set];
    for (int i = 0; i < WAYS; i++)
        if (ways[i].tag == at.tag) return kept_at(k, ways[i].number);
    return NULL;
}

INLINED void fetch_kept(const kept *k, spot at)
{
    const kept_word *w = kept_likely(k, at);
    if (!w) return;
    __builtin_prefetch(w);
    __builtin_prefetch((const char *)w + 64);
}

static key key_of_hash(uint64_t h)
{
    key w = {h ? h : 1, ~0ULL}; /* no code is 255 in a text: the last ones are marks */
    return w;
}

/* of a word of 1 to 16 codes; 16 can be read at `s` */
static key key_of_codes(const code *s, Py_ssize_t n)
{
    static const uint8_t masks[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    key w, mask;
    memcpy(&w, s, 16);
    memcpy(&mask, masks + 16 - n, 16);
    w.a &= mask.a;
    w.b &= mask.b;
    return w;
}

/* a word that is kept, or NULL */
static kept_word *kept_get(const kept *k, key w, spot at)
{
    kept_word *found = kept_likely(k, at);
    return found && found->key.a == w.a && found->key.b == w.b ? found : NULL;
}

/* where a new word is to be kept: words lie in the order they come, so that common ones share few pages */
static kept_word *kept_new(kept *k, key w)
{
    spot at = spot_of(w);
    way *ways = &k->ways[at.set];
    int i = 0;
    while (i < WAYS && ways[i].tag && ways[i].tag != at.tag) i++;
    if (i == WAYS) i = (int)(k->turn++ % WAYS);
    if (!ways[i].tag) ways[i].number = (uint16_t)k->used++;
    ways[i].tag = at.tag;
    return kept_at(k, ways[i].number);
}
