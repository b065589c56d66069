/* A text of codes, letter by letter at once: folded, and where its words begin and end, where stops and odd letters are.
 *
 * Sixteen letters a step where SSE2 is at hand, as on every x86-64; else one by one, with the same result.
 */
#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define SIXTEEN
#endif

#define BLOCK 64
#define BEHIND 64 /* letters behind a folded text that can be read, zeros */

typedef struct { uint32_t *at; Py_ssize_t n, room; } places; /* ascending; behind the last one UINT32_MAX */
typedef struct { uint64_t words, stops, odd; unsigned seen; } block;

#ifdef SIXTEEN
static __m128i within(__m128i x, char first, int number)
{
    return _mm_cmplt_epi8(_mm_add_epi8(x, _mm_set1_epi8((char)(-128 - first))), _mm_set1_epi8((char)(-128 + number)));
}

static uint64_t bits_of(__m128i x) { return (uint64_t)(uint32_t)_mm_movemask_epi8(x); }

static block read_block(const codes *c, const code *s, code *to)
{
    block b = {0, 0, 0, 0};
    uint64_t high = 0;
    for (int i = 0; i < BLOCK; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
        __m128i upper = within(x, 'A', 26), letters = _mm_or_si128(within(x, 'a', 26), upper);
        __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('.')),
            _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('!')), _mm_cmpeq_epi8(x, _mm_set1_epi8('?'))));
        _mm_storeu_si128((__m128i *)(void *)(to + i), _mm_or_si128(x, _mm_and_si128(upper, _mm_set1_epi8(32))));
        b.words |= bits_of(_mm_or_si128(letters, within(x, '0', 10))) << i;
        b.stops |= bits_of(stops) << i;
        b.odd |= bits_of(_mm_cmpeq_epi8(x, _mm_set1_epi8('_'))) << i;
        high |= bits_of(x) << i;
        if (bits_of(letters)) b.seen = LATIN;
    }
    for (; high; high &= high - 1) {
        int i = __builtin_ctzll(high);
        uint8_t sort = c->sorts[s[i]];
        to[i] = c->plain[s[i]];
        b.seen |= c->kinds[s[i]];
        if (sort & OF_WORD) b.words |= 1ULL << i;
        if (sort & A_STOP) b.stops |= 1ULL << i;
        if (sort & ODD) b.odd |= 1ULL << i;
    }
    return b;
}
#else
static block read_block(const codes *c, const code *s, code *to)
{
    block b = {0, 0, 0, 0};
    for (int i = 0; i < BLOCK; i++) {
        uint64_t sort = c->sorts[s[i]];
        to[i] = c->plain[s[i]];
        b.seen |= c->kinds[s[i]];
        b.words |= (sort & OF_WORD) << i;
        b.stops |= ((sort & A_STOP) >> 1) << i;
        b.odd |= ((sort & ODD) >> 2) << i;
    }
    return b;
}
#endif

static void list_bits(places *p, uint64_t bits, Py_ssize_t from)
{
    uint32_t *to = p->at + p->n;
    for (; bits; bits &= bits - 1) *to++ = (uint32_t)from + (uint32_t)__builtin_ctzll(bits);
    p->n = to - p->at;
}

typedef struct {
    narrow folded;
    places edges, stops, odd; /* edges: where a word's run of letters begins, ends, where the next one begins … */
    unsigned seen;
} layout;

static int room_for_block(places *p) { return make_room(&p->at, &p->room, p->n + BLOCK + 4, sizeof(uint32_t)); }

static int lay_out(layout *l, const codes *c, const code *s, Py_ssize_t n)
{
    code last[BLOCK];
    uint64_t carried = 0;
    l->seen = 0;
    l->edges.n = l->stops.n = l->odd.n = 0;
    if (make_room(&l->folded.at, &l->folded.room, n + BLOCK + BEHIND, 1)) return -1;
    if (room_for_block(&l->edges) || room_for_block(&l->stops) || room_for_block(&l->odd)) return -1;
    for (Py_ssize_t i = 0; i < n; i += BLOCK) {
        const code *from = s + i;
        if (n - i < BLOCK) {
            memset(last, 0, sizeof last);
            memcpy(last, from, (size_t)(n - i));
            from = last;
        }
        block b = read_block(c, from, l->folded.at + i);
        list_bits(&l->edges, b.words ^ (b.words << 1 | carried), i);
        if (b.stops) list_bits(&l->stops, b.stops, i);
        if (b.odd) list_bits(&l->odd, b.odd, i);
        if (room_for_block(&l->edges) || room_for_block(&l->stops) || room_for_block(&l->odd)) return -1;
        carried = b.words >> 63;
        l->seen |= b.seen;
    }
    if (carried) l->edges.at[l->edges.n++] = (uint32_t)n;
    l->folded.n = n;
    memset(l->folded.at + n, 0, BEHIND);
    l->edges.at[l->edges.n] = l->edges.at[l->edges.n + 1] = l->stops.at[l->stops.n] = l->odd.at[l->odd.n] = UINT32_MAX;
    return 0;
}

static void layout_end(layout *l) { free(l->folded.at); free(l->edges.at); free(l->stops.at); free(l->odd.at); }
