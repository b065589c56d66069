/* The scorer in C: the same terms, shares and scores as analyser.py, parties.py, shares.py and score.py, in one pass.
 *
 * Text comes as Python strings; sentences other than ASCII are normalised and case-folded by Python itself, so that
 * every Unicode rule has one home. A term is known by a polynomial hash of its letters, which can be put together from
 * the hashes of its parts: terms are never written out. What a word gives by its letter runs is one row, kept.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDE_ROWS __attribute__((target_clones("avx2,fma", "default")))
#else
#define WIDE_ROWS
#endif

typedef Py_UCS4 letter;
typedef struct { uint64_t h, power; } hashed; /* of a string: its hash, and BASE to the number of its letters */

static const uint64_t BASE = 0x9E3779B97F4A7C15ULL;
static const uint64_t SEEDS[4] = {0x243F6A8885A308D3ULL, 0x13198A2E03707344ULL, 0xA4093822299F31D0ULL, 0x082EFA98EC4E6C89ULL};
enum { WORDS, RUNS, PARTIES, SIDES, KINDS };
enum { SEE = 1, WANT = 2, FEAR = 4, DECIDE = 8, SAY = 16, FAVOUR = 32, DISFAVOUR = 64, CONTRAST = 128, NEGATION = 256, THIRD = 512, OFFICE = 1024 };
#define ATTITUDES (SEE | WANT | FEAR | DECIDE | SAY)
enum { HOLDER = 8, OBJECT = 8, NEAR = 7, SKIP = 5, LONGEST = 4, TAIL = 12 };
#define PRIVATE 0xF0000
#define MOST_PARTIES 62
#define CACHE (1 << 15)

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30; x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27; x *= 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static uint64_t known_as(int kind, uint64_t h) { return mix(h ^ SEEDS[kind]); }

static hashed joined(hashed a, hashed b)
{
    hashed r = {a.h + a.power * b.h, a.power * b.power};
    return r;
}

static hashed hash_of(const letter *s, Py_ssize_t n)
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

/* letters */

static unsigned char ASCII_WORD[128], ASCII_SPACE[128];

static int is_alnum(letter c) { return c < 128 ? ASCII_WORD[c] == 1 : Py_UNICODE_ISALNUM(c); }
static int is_word(letter c) { return c < 128 ? ASCII_WORD[c] != 0 : Py_UNICODE_ISALNUM(c); }
static int is_space(letter c) { return c < 128 ? ASCII_SPACE[c] : Py_UNICODE_ISSPACE(c); }
static int is_digit(letter c) { return c < 128 ? (c >= '0' && c <= '9') : Py_UNICODE_ISDECIMAL(c); }
static int is_wide(letter c)
{
    return c >= 0x3040 && (c <= 0x30FF || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF));
}
static int in_word(letter c) { return is_alnum(c) && !is_wide(c); }

/* growing arrays */

typedef struct { letter *at; Py_ssize_t n, room; } letters;

static int make_room(void **at, Py_ssize_t *room, Py_ssize_t wanted, size_t size)
{
    if (wanted <= *room) return 0;
    Py_ssize_t more = *room ? *room : 256;
    while (more < wanted) more *= 2;
    void *found = realloc(*at, (size_t)more * size);
    if (!found) return -1;
    *at = found;
    *room = more;
    return 0;
}

static int push(letters *s, letter c)
{
    if (s->n == s->room && make_room((void **)&s->at, &s->room, s->n + 1, sizeof(letter))) return -1;
    s->at[s->n++] = c;
    return 0;
}

/* what a passage's terms of one kind come to: which known terms, how often */

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
        uint32_t p = ((uint32_t)b->term[i] * 2654435761u) & b->mask;
        while (slot[p] >= 0) p = (p + 1) & b->mask;
        slot[p] = (int32_t)i;
        b->used[i] = (int32_t)p;
    }
    return 0;
}

static int bag_add(bag *b, int32_t term)
{
    if (b->n == b->room && bag_room(b, 2 * b->room)) return -1;
    uint32_t p = ((uint32_t)term * 2654435761u) & b->mask;
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

/* a small table of hashes → numbers: names of parties, words of attitude, commonest words of languages */

typedef struct { uint64_t *key; int64_t *value; uint64_t mask; } table;

static int table_start(table *t, Py_ssize_t n)
{
    uint64_t size = 16;
    while (size < (uint64_t)n * 4) size *= 2;
    t->mask = size - 1;
    t->key = calloc(size, sizeof(uint64_t));
    t->value = malloc(size * sizeof(int64_t));
    if (!t->key || !t->value) return -1;
    memset(t->value, 0xFF, size * sizeof(int64_t));
    return 0;
}

static void table_put(table *t, uint64_t h, int64_t value)
{
    uint64_t p = mix(h) & t->mask;
    while (t->value[p] != -1 && t->key[p] != h) p = (p + 1) & t->mask;
    t->key[p] = h;
    t->value[p] = value;
}

static int64_t table_get(const table *t, uint64_t h)
{
    for (uint64_t p = mix(h) & t->mask; t->value[p] != -1; p = (p + 1) & t->mask)
        if (t->key[p] == h) return t->value[p];
    return -1;
}

static void table_end(table *t) { free(t->key); free(t->value); }

/* tokens of a sentence, as parties.py makes them */

typedef struct { hashed name; uint32_t classes; int32_t party; } token; /* party: its number, or -1 */

typedef struct { token *at; Py_ssize_t n, room; } tokens;

typedef struct { letter *words; Py_ssize_t *ends, n; int32_t party; } phrase; /* a name of several words */

typedef struct { uint64_t h; int32_t term; float length; float row[16]; } kept_word; /* a word: its term, and its runs */

typedef struct {
    PyObject_HEAD
    /* the model */
    Py_ssize_t terms, width, values, shares;
    uint64_t *hashes;
    int32_t *places;
    uint64_t mask;
    uint64_t *map;
    uint64_t map_mask;
    float *idf, *rows; /* rows: terms × width */
    double *intercepts, *share_rows;
    double weights[KINDS];
    double rarest;
    /* the analyser */
    int markers, joint, parties;
    int own[MOST_PARTIES], owns, rank[MOST_PARTIES + 1];
    hashed party_names[MOST_PARTIES + 1];
    table names, classes, small_words;
    phrase *phrases;
    Py_ssize_t phrase_count;
    PyObject *normalize, *nfkc, *languages, *und;
    Py_ssize_t language_count, english;
    /* what is used again and again */
    kept_word *kept;
    letters text, plain, work;
    uint64_t first_letters[2]; /* of names of several words */
    int first_wide;
    tokens found;
    bag bags[KINDS];
    double runs[16], runs_length;
    Py_ssize_t single, known;
    /* votes of a passage's sentences, as shares.py counts them */
    Py_ssize_t sentences, votes_none, votes_several, nobody;
    Py_ssize_t named[MOST_PARTIES + 1], firsts[MOST_PARTIES + 1], views[MOST_PARTIES + 2], mentions[MOST_PARTIES + 1];
    Py_ssize_t signs[2][3];
    int any_party;
} Kernel;

/* terms → the model's numbers */

static int32_t place_of(const Kernel *k, uint64_t h)
{
    uint64_t bit = h & k->map_mask;
    if (!(k->map[bit >> 6] >> (bit & 63) & 1)) return -1;
    for (uint64_t p = h & k->mask;; p = (p + 1) & k->mask) {
        int32_t i = k->places[p];
        if (i < 0) return -1;
        if (k->hashes[i] == h) return i;
    }
}

static int add(Kernel *k, int kind, hashed term)
{
    int32_t i = place_of(k, known_as(kind, term.h));
    return i < 0 ? 0 : bag_add(&k->bags[kind], i);
}

/* the row of a word's letter runs: looked up once, then kept */

static void runs_of(const Kernel *k, const letter *s, Py_ssize_t n, kept_word *w)
{
    letter edged[64], *at = edged;
    memset(w->row, 0, sizeof w->row);
    w->length = 0;
    if (n < 2) return;
    if (n + 2 > 64 && !(at = malloc((size_t)(n + 2) * sizeof(letter)))) return;
    at[0] = at[n + 1] = '_';
    memcpy(at + 1, s, (size_t)n * sizeof(letter));
    for (Py_ssize_t i = 0; i + 4 <= n + 2; i++) {
        int32_t t = place_of(k, known_as(RUNS, hash_of(at + i, 4).h));
        if (t < 0) continue;
        float idf = k->idf[t];
        w->length += idf * idf;
        for (Py_ssize_t v = 0; v < k->values; v++) w->row[v] += idf * k->rows[(Py_ssize_t)t * k->width + v];
    }
    if (at != edged) free(at);
}

static int add_word(Kernel *k, const letter *s, Py_ssize_t n, hashed name)
{
    kept_word *w = &k->kept[mix(name.h) & (CACHE - 1)], fresh;
    if (w->h != name.h || !w->h) {
        fresh.h = name.h;
        fresh.term = place_of(k, known_as(WORDS, name.h));
        runs_of(k, s, n, &fresh);
        *w = fresh; /* the newest word takes the place: common ones come back soon */
    }
    k->single++;
    k->runs_length += w->length;
    for (int v = 0; v < 16; v++) k->runs[v] += w->row[v];
    if (w->term < 0) return 0;
    k->known += k->idf[w->term] <= k->rarest;
    return bag_add(&k->bags[WORDS], w->term);
}

/* words and pairs, letter runs: analyser.py */

static hashed blank, side_mark, gap; /* " ", ": ", " … ", made when the module starts */

/* where a word that begins at i ends: letters and digits, then an apostrophe with letters */
static Py_ssize_t word_end(const letter *s, Py_ssize_t n, Py_ssize_t i)
{
    while (i < n && in_word(s[i])) i++;
    if (i + 1 < n && (s[i] == '\'' || s[i] == 0x2019) && in_word(s[i + 1]) && !is_digit(s[i + 1]))
        for (i += 2; i < n && in_word(s[i]) && !is_digit(s[i]); i++) {}
    return i;
}

static int read_words(Kernel *k, const letter *s, Py_ssize_t n)
{
    hashed before = {0, 0};
    int any = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (!in_word(s[i]) && !is_wide(s[i])) { i++; continue; }
        Py_ssize_t start = i++;
        if (in_word(s[start])) i = word_end(s, n, start);
        hashed name = hash_of(s + start, i - start);
        if (add_word(k, s + start, i - start, name)) return -1;
        if (any && add(k, WORDS, joined(joined(before, blank), name))) return -1;
        before = name;
        any = 1;
    }
    return 0;
}

/* tokens: parties.py */

static int boundary(const letter *s, Py_ssize_t n, Py_ssize_t i)
{
    int left = i > 0 && is_word(s[i - 1]), right = i < n && is_word(s[i]);
    return left != right;
}

/* n't → not, as a word of its own */
static int split_not(const letters *from, letters *to)
{
    const letter *s = from->at;
    Py_ssize_t n = from->n;
    to->n = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (!is_word(s[i]) || !boundary(s, n, i)) {
            if (push(to, s[i++])) return -1;
            continue;
        }
        Py_ssize_t end = i;
        while (end < n && is_word(s[end])) end++;
        int hit = end - i >= 2 && s[end - 1] == 'n' && end + 1 < n && s[end] == '\'' && s[end + 1] == 't' && boundary(s, n, end + 2);
        Py_ssize_t kept = hit ? end - 1 : end;
        for (; i < kept; i++)
            if (push(to, s[i])) return -1;
        if (hit) {
            static const char said[] = " not";
            for (int j = 0; j < 4; j++)
                if (push(to, (letter)said[j])) return -1;
            i = end + 2;
        }
    }
    return 0;
}

/* where a name of several words that begins at i ends, or -1 */
static Py_ssize_t phrase_end(const phrase *p, const letter *s, Py_ssize_t n, Py_ssize_t i)
{
    Py_ssize_t at = 0;
    if (!boundary(s, n, i)) return -1;
    for (Py_ssize_t w = 0; w < p->n; w++) {
        if (w) {
            Py_ssize_t blanks = i;
            while (i < n && is_space(s[i])) i++;
            if (i == blanks) return -1;
        }
        for (; at < p->ends[w]; at++, i++)
            if (i >= n || s[i] != p->words[at]) return -1;
    }
    return i < n && is_word(s[i]) ? -1 : i;
}

static int mark_phrase(const phrase *p, const letters *from, letters *to)
{
    to->n = 0;
    for (Py_ssize_t i = 0; i < from->n;) {
        Py_ssize_t end = from->at[i] == p->words[0] ? phrase_end(p, from->at, from->n, i) : -1;
        if (end < 0) {
            if (push(to, from->at[i++])) return -1;
            continue;
        }
        if (push(to, ' ') || push(to, (letter)(PRIVATE + p->party)) || push(to, ' ')) return -1;
        i = end;
    }
    return 0;
}

/* which of the names of several words may stand in a sentence: those that do before any is put in place */
static uint64_t possible_phrases(const Kernel *k, const letter *s, Py_ssize_t n)
{
    uint64_t found = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (s[i] < 128 ? !(k->first_letters[s[i] >> 6] >> (s[i] & 63) & 1) : !k->first_wide) continue;
        for (Py_ssize_t j = 0; j < k->phrase_count && j < 64; j++)
            if (k->phrases[j].words[0] == s[i] && phrase_end(&k->phrases[j], s, n, i) >= 0) found |= 1ULL << j;
    }
    return found;
}

static int drop_possessive(const letters *from, letters *to)
{
    const letter *s = from->at;
    to->n = 0;
    for (Py_ssize_t i = 0; i < from->n;) {
        if (s[i] == '\'' && i + 1 < from->n && s[i + 1] == 's' && boundary(s, from->n, i + 2)) {
            i += 2;
            continue;
        }
        if (push(to, s[i++])) return -1;
    }
    return 0;
}

static int32_t party_of(const Kernel *k, const letter *s, Py_ssize_t n, hashed name, int hyphen)
{
    int64_t found = table_get(&k->names, name.h);
    if (found >= 0) return (int32_t)found;
    if (!hyphen) return -1;
    int32_t held = -1;
    for (Py_ssize_t start = 0, i = 0; i <= n; i++) {
        if (i < n && s[i] != '-') continue;
        int64_t part = table_get(&k->names, hash_of(s + start, i - start).h);
        if (part >= 0 && held >= 0 && held != part) return k->joint;
        if (part >= 0) held = (int32_t)part;
        start = i + 1;
    }
    return held;
}

static int take(Kernel *k, token t)
{
    tokens *f = &k->found;
    if (t.party >= 0 && f->n) {
        if (f->at[f->n - 1].party == t.party) return 0;
        if (f->n > 1 && f->at[f->n - 1].party == -2 && f->at[f->n - 2].party >= 0 && f->at[f->n - 2].party != t.party) {
            f->n -= 2;
            t.party = k->joint;
            t.name = k->party_names[k->joint];
        }
    }
    if (f->n == f->room && make_room((void **)&f->at, &f->room, f->n + 1, sizeof(token))) return -1;
    f->at[f->n++] = t;
    return 0;
}

static hashed word_and, word_or;

/* the tokens of a sentence that is case-folded and plain; party -2 marks `and` and `or` until they are done */
static int read_tokens(Kernel *k)
{
    letters *a = &k->plain, *b = &k->work, *swap;
    int apostrophe = 0;
    for (Py_ssize_t i = 0; i < a->n && !apostrophe; i++) apostrophe = a->at[i] == '\'';
    if (apostrophe) {
        if (split_not(a, b)) return -1;
        swap = a; a = b; b = swap;
    }
    uint64_t wanted = k->phrase_count > 64 ? ~0ULL : possible_phrases(k, a->at, a->n);
    if (wanted) {
        for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
            if (j < 64 && !(wanted >> j & 1)) continue;
            if (mark_phrase(&k->phrases[j], a, b)) return -1;
            swap = a; a = b; b = swap;
        }
    }
    if (apostrophe) {
        if (drop_possessive(a, b)) return -1;
        swap = a; a = b; b = swap;
    }
    const letter *s = a->at;
    Py_ssize_t n = a->n;
    k->found.n = 0;
    for (Py_ssize_t i = 0; i < n;) {
        token t = {{0, 1}, 0, -1};
        if (s[i] >= PRIVATE) {
            t.party = (int32_t)(s[i++] - PRIVATE);
        } else if (is_word(s[i])) {
            Py_ssize_t start = i++;
            int hyphen = 0;
            while (i < n) {
                if (is_word(s[i])) i++;
                else if ((s[i] == '-' || s[i] == '.') && i + 1 < n && is_word(s[i + 1])) {
                    hyphen |= s[i] == '-';
                    i += 2;
                } else break;
            }
            t.name = hash_of(s + start, i - start);
            t.party = party_of(k, s + start, i - start, t.name, hyphen);
            if (t.party < 0) {
                int64_t classes = table_get(&k->classes, t.name.h);
                t.classes = classes < 0 ? 0 : (uint32_t)classes;
                if (t.name.h == word_and.h || t.name.h == word_or.h) t.party = -2;
            }
        } else if (strchr(".!?;:,", s[i] < 128 ? (int)s[i] : 1) && s[i]) {
            t.name = hash_of(s + i++, 1);
            int64_t classes = table_get(&k->classes, t.name.h);
            t.classes = classes < 0 ? 0 : (uint32_t)classes;
        } else {
            i++;
            continue;
        }
        if (t.party >= 0) t.name = k->party_names[t.party];
        if (take(k, t)) return -1;
    }
    return 0;
}

/* terms around parties: parties.py */

static hashed T_CONTRAST, T_WITHOUT, T_BEGINS, T_NAMES, T_ELSEWHERE, T_VIEW, T_VIEW_OF, T_HOLDS, T_CLOSE, T_TOWARDS, T_VALUE, T_NOT,
    T_BETWEEN, T_THIRD, T_OFFICE, T_THIRD_PARTY;
static hashed CLASS_NAMES[7]; /* see … disfavour, by their bit */

static int emit(Kernel *k, hashed term) { return add(k, PARTIES, term); }

static int attitude(Kernel *k, Py_ssize_t i, int bit, uint64_t *holders)
{
    const token *t = k->found.at;
    Py_ssize_t n = k->found.n;
    hashed name = CLASS_NAMES[bit];
    if ((1u << bit) & ATTITUDES) {
        for (Py_ssize_t j = i - 1; j >= 0 && j > i - HOLDER; j--) {
            int party = t[j].party >= 0;
            if (!party && !(t[j].classes & THIRD)) continue;
            hashed holder = party ? t[j].name : T_THIRD_PARTY;
            hashed said = joined(joined(holder, blank), name);
            if (emit(k, joined(T_HOLDS, said))) return -1;
            if (i - j <= 2 && party && emit(k, joined(T_CLOSE, said))) return -1;
            *holders |= 1ULL << (party ? t[j].party : MOST_PARTIES + 1);
            break;
        }
        for (Py_ssize_t j = i + 1; j < n && j < i + OBJECT; j++) {
            if (t[j].party < 0) continue;
            return emit(k, joined(joined(joined(T_TOWARDS, name), blank), t[j].name));
        }
        return 0;
    }
    hashed said = T_VALUE;
    for (Py_ssize_t j = i < 4 ? 0 : i - 4; j < i; j++)
        if (t[j].classes & NEGATION) { said = joined(T_VALUE, T_NOT); break; }
    said = joined(said, name);
    uint64_t named = 0;
    int third = 0;
    Py_ssize_t last = i + NEAR + 1 < n ? i + NEAR + 1 : n;
    for (Py_ssize_t j = i < NEAR ? 0 : i - NEAR; j < last; j++) {
        if (t[j].party >= 0) named |= 1ULL << t[j].party;
        third |= (t[j].classes & THIRD) != 0;
    }
    if (emit(k, said)) return -1;
    int count = 0;
    for (int p = 0; p < k->parties; p++) {
        if (!(named >> p & 1)) continue;
        count++;
        if (emit(k, joined(joined(said, blank), k->party_names[p]))) return -1;
    }
    if ((count > 1 || named >> k->joint & 1) && emit(k, joined(said, T_BETWEEN))) return -1;
    return named && third ? emit(k, joined(said, T_THIRD)) : 0;
}

static int office(Kernel *k, Py_ssize_t i, uint64_t *holders)
{
    static const int steps[] = {-1, -2, 1, 2, 3};
    for (int s = 0; s < 5; s++) {
        Py_ssize_t j = i + steps[s];
        if (j < 0 || j >= k->found.n || k->found.at[j].party < 0) continue;
        *holders |= 1ULL << k->found.at[j].party;
        return emit(k, joined(T_OFFICE, k->found.at[j].name));
    }
    return 0;
}

static int around_party(Kernel *k, Py_ssize_t i)
{
    const token *t = k->found.at;
    Py_ssize_t n = k->found.n;
    for (Py_ssize_t start = i < LONGEST - 1 ? 0 : i - LONGEST + 1; start <= i; start++) {
        hashed run = t[start].name;
        Py_ssize_t last = start + LONGEST < n ? start + LONGEST : n;
        for (Py_ssize_t end = start + 1; end < last; end++) {
            run = joined(joined(run, blank), t[end].name);
            if (end >= i && emit(k, run)) return -1;
        }
    }
    for (Py_ssize_t j = i + 1; j < n && j <= i + SKIP; j++)
        if (emit(k, joined(joined(t[i].name, gap), t[j].name))) return -1;
    for (Py_ssize_t j = i < SKIP ? 0 : i - SKIP; j < i; j++)
        if (emit(k, joined(joined(t[j].name, gap), t[i].name))) return -1;
    return 0;
}

static int read_parties(Kernel *k)
{
    const token *t = k->found.at;
    Py_ssize_t n = k->found.n, first = -1;
    uint64_t named = 0, holders = 0;
    uint32_t every = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        every |= t[i].classes;
        if (t[i].party < 0) continue;
        if (first < 0) first = i;
        named |= 1ULL << t[i].party;
    }
    if (every & CONTRAST && emit(k, T_CONTRAST)) return -1;
    if (first < 0) {
        if (emit(k, T_WITHOUT)) return -1;
    } else {
        if (emit(k, joined(T_BEGINS, t[first].name))) return -1;
        hashed names = T_NAMES;
        for (int r = 0, any = 0; r < k->parties; r++) {
            int p = k->rank[r];
            if (!(named >> p & 1)) continue;
            if (any++) names = joined(names, blank);
            names = joined(names, k->party_names[p]);
        }
        if (emit(k, names)) return -1;
        for (Py_ssize_t i = 0; i < first; i++)
            if (t[i].classes & THIRD) {
                if (emit(k, joined(T_ELSEWHERE, t[first].name))) return -1;
                break;
            }
    }
    if (every)
        for (Py_ssize_t i = 0; i < n; i++) {
            for (int bit = 0; bit < 7; bit++)
                if (t[i].classes >> bit & 1 && attitude(k, i, bit, &holders)) return -1;
            if (t[i].classes & OFFICE && office(k, i, &holders)) return -1;
        }
    for (int p = 0; p <= MOST_PARTIES + 1; p++) {
        if (!(holders >> p & 1)) continue;
        if (emit(k, joined(T_VIEW_OF, p == MOST_PARTIES + 1 ? T_THIRD_PARTY : k->party_names[p]))) return -1;
    }
    if (holders && emit(k, T_VIEW)) return -1;
    if (first >= 0) {
        hashed side = t[first].name;
        for (Py_ssize_t i = first; i < n; i++) {
            if (t[i].party >= 0) {
                side = t[i].name;
                if (around_party(k, i)) return -1;
            } else if (add(k, SIDES, joined(joined(side, side_mark), t[i].name))) return -1;
        }
    }
    return 0;
}

/* votes: shares.py */

static void vote(Kernel *k)
{
    const token *t = k->found.at;
    Py_ssize_t n = k->found.n;
    int first = -1, count = 0, side = -1;
    uint64_t named = 0, holders = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (t[i].party < 0) continue;
        k->mentions[t[i].party]++;
        if (first < 0) first = t[i].party;
        if (!(named >> t[i].party & 1)) count++;
        named |= 1ULL << t[i].party;
    }
    int several = count > 1 || named >> k->joint & 1;
    if (!named) k->votes_none++;
    else {
        k->any_party = 1;
        if (several) k->votes_several++;
        else k->named[first]++;
        k->firsts[first]++;
    }
    int where = several ? 0 : named ? 1 : 2;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (t[i].party >= 0) side = t[i].party;
        if (t[i].classes & THIRD) side = MOST_PARTIES + 1;
        if (side >= 0 && t[i].classes & ATTITUDES) holders |= 1ULL << side;
        if (t[i].classes & FAVOUR) k->signs[0][where]++;
        if (t[i].classes & DISFAVOUR) k->signs[1][where]++;
    }
    for (int p = 0; p <= MOST_PARTIES + 1; p++) k->views[p] += holders >> p & 1;
    if (!holders) k->nobody++;
}

static double part(const Kernel *k, Py_ssize_t votes) { return votes ? sqrt((double)votes / (double)k->sentences) : 0.0; }

static void shares_of(const Kernel *k, double *out)
{
    int everyone[MOST_PARTIES + 1], n = 0;
    Py_ssize_t total = 1, d = 0;
    everyone[n++] = k->joint;
    for (int i = 0; i < k->owns; i++) everyone[n++] = k->own[i];
    for (int p = 0; p < k->parties; p++) total += k->mentions[p];
    out[d++] = part(k, k->votes_none);
    out[d++] = part(k, k->votes_several);
    for (int i = 0; i < k->owns; i++) out[d++] = part(k, k->named[k->own[i]]);
    for (int i = 0; i < n; i++) out[d++] = part(k, k->firsts[everyone[i]]);
    for (int i = 0; i < n; i++) out[d++] = part(k, k->views[everyone[i]]);
    out[d++] = part(k, k->views[MOST_PARTIES + 1]);
    out[d++] = part(k, k->nobody);
    for (int s = 0; s < 2; s++)
        for (int w = 0; w < 3; w++) out[d++] = part(k, k->signs[s][w]);
    for (int i = 0; i < n; i++) out[d++] = (double)k->mentions[everyone[i]] / (double)total;
    for (int i = 0; i < n; i++) out[d++] = log1p((double)k->mentions[everyone[i]]);
    out[d++] = log1p((double)k->sentences);
}

/* sentences: sentences.py */

static int is_stop(letter c) { return c == '.' || c == '!' || c == '?' || c == 0x2026; }
static int is_wide_stop(letter c) { return c == 0x3002 || c == 0xFF01 || c == 0xFF1F; }
static int closes(letter c) { return c == '\'' || c == '"' || c == 0x201D || c == 0x2019 || c == ')' || c == ']'; }
static int closes_wide(letter c)
{
    return c == '\'' || c == '"' || c == 0x201D || c == 0x2019 || c == 0x300D || c == 0x300F || c == 0xFF09;
}
static int opens(letter c) { return c == '"' || c == 0x201C || c == 0x2018 || c == '\'' || c == '(' || c == '['; }
static int begins(letter c) { return is_alnum(c) && !(c >= 'a' && c <= 'z'); }

/* where a stop that begins at i lets the next sentence begin, or -1 */
static Py_ssize_t stop_end(const letter *s, Py_ssize_t n, Py_ssize_t i)
{
    if (is_stop(s[i])) {
        Py_ssize_t j = i + 1;
        while (j < n && closes(s[j])) j++;
        Py_ssize_t blanks = j;
        while (j < n && is_space(s[j])) j++;
        if (j > blanks && j < n && (begins(s[j]) || (opens(s[j]) && j + 1 < n && begins(s[j + 1])))) return j;
        return -1;
    }
    if (is_wide_stop(s[i])) {
        Py_ssize_t j = i + 1;
        while (j < n && closes_wide(s[j])) j++;
        return j;
    }
    return -1;
}

static const char *const SHORT[] = {"Mr", "Mrs", "Ms", "Dr", "Prof", "Gen", "Lt", "Col", "Maj", "Sgt", "Capt", "Adm", "Sen", "Rep", "Gov",
    "Pres", "St", "Mt", "vs", "No", "Nos", "Vol", "Fig", "Jr", "Sr", "Jan", "Feb", "Mar", "Apr", "Aug", "Sep", "Sept", "Oct", "Nov",
    "Dec", "al", "etc", "cf", "approx", "ca", "pp", "Art", "Inc", "Ltd", "Co", "Corp", NULL};

/* whether what ends in a full stop at `end` (after it) is an abbreviation or an initial; it begins at `start` */
static int abbreviated(const letter *s, Py_ssize_t start, Py_ssize_t end)
{
    Py_ssize_t first = end - TAIL > start ? end - TAIL : start, stop = end - 1;
    if (stop > first) {
        letter c = s[stop - 1];
        if (is_alnum(c) && !is_digit(c) && (stop - 1 == first || !is_word(s[stop - 2]))) return 1;
    }
    for (const char *const *name = SHORT; *name; name++) {
        Py_ssize_t n = (Py_ssize_t)strlen(*name), from = stop - n;
        if (from < first || (from > first && is_word(s[from - 1]))) continue;
        Py_ssize_t i = 0;
        while (i < n && s[from + i] == (letter)(*name)[i]) i++;
        if (i == n) return 1;
    }
    return 0;
}

/* letters as Python normalises (NFKC) and case-folds them */
static int fold(const Kernel *k, const letter *s, Py_ssize_t n, letters *out)
{
    int ascii = 1;
    for (Py_ssize_t i = 0; i < n && ascii; i++) ascii = s[i] < 128;
    if (ascii) {
        if (make_room((void **)&out->at, &out->room, n, sizeof(letter))) return -1;
        for (Py_ssize_t i = 0; i < n; i++) out->at[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i];
        out->n = n;
        return 0;
    }
    PyObject *raw = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, s, n);
    PyObject *made = raw ? PyObject_CallFunctionObjArgs(k->normalize, k->nfkc, raw, NULL) : NULL;
    PyObject *folded = made ? PyObject_CallMethod(made, "casefold", NULL) : NULL;
    Py_XDECREF(raw);
    Py_XDECREF(made);
    if (!folded) return -1;
    Py_ssize_t m = PyUnicode_GET_LENGTH(folded);
    int failed = make_room((void **)&out->at, &out->room, m + 1, sizeof(letter)) || !PyUnicode_AsUCS4(folded, out->at, m + 1, 0);
    Py_DECREF(folded);
    out->n = m;
    return failed ? -1 : 0;
}

static int read_sentence(Kernel *k, const letter *s, Py_ssize_t n)
{
    letters *plain = &k->plain;
    k->sentences++;
    if (fold(k, s, n, plain) || read_words(k, plain->at, plain->n)) return -1;
    if (!k->markers) return 0;
    for (Py_ssize_t i = 0; i < plain->n; i++) {
        if (plain->at[i] == 0x2019) plain->at[i] = '\'';
        else if (plain->at[i] >= PRIVATE) plain->at[i] = ' ';
    }
    if (read_tokens(k) || read_parties(k)) return -1;
    vote(k);
    return 0;
}

static int read_text(Kernel *k, const letter *s, Py_ssize_t n)
{
    Py_ssize_t start = 0;
    for (Py_ssize_t i = 0; i < n;) {
        Py_ssize_t next = stop_end(s, n, i);
        if (next < 0) { i++; continue; }
        Py_ssize_t end = next;
        while (end > start && is_space(s[end - 1])) end--;
        i = next;
        if (end > start && s[end - 1] == '.' && abbreviated(s, start, end)) continue;
        while (start < end && is_space(s[start])) start++;
        if (end > start && read_sentence(k, s + start, end - start)) return -1;
        start = next;
    }
    while (n > start && is_space(s[n - 1])) n--;
    while (start < n && is_space(s[start])) start++;
    return n > start ? read_sentence(k, s + start, n - start) : 0;
}

/* languages: language.py; texts in other than Latin letters are left to it */

enum { UNKNOWN = -1, NOT_LATIN = -2 };

static Py_ssize_t language_of(Kernel *k, const letter *s, Py_ssize_t n)
{
    Py_ssize_t latin = 0, other = 0, hits[64] = {0}, number = 0;
    if (n > 2000) n = 2000;
    for (Py_ssize_t i = 0; i < n; i++) {
        letter c = s[i];
        if (c < 0x250) latin += c < 128 ? is_alnum(c) && !is_digit(c) : Py_UNICODE_ISALPHA(c);
        else if ((c >= 0x370 && c < 0x530) || (c >= 0x590 && c < 0x780) || (c >= 0x3040 && c < 0xD7B0)) other = 1;
    }
    if (other) return NOT_LATIN;
    if (!latin) return UNKNOWN;
    if (fold(k, s, n, &k->plain)) return -3;
    s = k->plain.at;
    n = k->plain.n;
    for (Py_ssize_t i = 0; i < n;) {
        if (!in_word(s[i]) && !is_wide(s[i])) { i++; continue; }
        Py_ssize_t start = i++;
        if (in_word(s[start])) i = word_end(s, n, start);
        number++;
        int64_t found = i - start > 20 ? -1 : table_get(&k->small_words, hash_of(s + start, i - start).h);
        if (found > 0)
            for (Py_ssize_t l = 0; l < k->language_count; l++) hits[l] += found >> l & 1;
    }
    Py_ssize_t best = 0;
    for (Py_ssize_t l = 1; l < k->language_count; l++)
        if (hits[l] > hits[best] || (hits[l] == hits[best] && l == k->english)) best = l;
    double least = 0.08 * (double)number;
    if (least < 2) least = 2;
    return (double)hits[best] >= least || (hits[best] && number < 8) ? best : UNKNOWN;
}

/* scores: score.py */

static double LOGS[64];

WIDE_ROWS static void add_row(double *out, const float *row, double by)
{
    for (int v = 0; v < 16; v++) out[v] += by * (double)row[v];
}

static double take_bag(Kernel *k, int kind, double *sum)
{
    bag *b = &k->bags[kind];
    double length = 0;
    memset(sum, 0, 16 * sizeof(double));
    for (Py_ssize_t i = 0; i < b->n; i++) {
        int32_t c = b->count[i];
        double w = (c < 64 ? LOGS[c] : 1 + log((double)c)) * (double)k->idf[b->term[i]];
        length += w * w;
        add_row(sum, k->rows + (Py_ssize_t)b->term[i] * k->width, w);
    }
    bag_empty(b);
    return sqrt(length);
}

static void start_passage(Kernel *k)
{
    memset(k->runs, 0, sizeof k->runs);
    k->runs_length = 0;
    k->single = k->known = k->sentences = k->votes_none = k->votes_several = k->nobody = 0;
    k->any_party = 0;
    memset(k->named, 0, sizeof k->named);
    memset(k->firsts, 0, sizeof k->firsts);
    memset(k->views, 0, sizeof k->views);
    memset(k->mentions, 0, sizeof k->mentions);
    memset(k->signs, 0, sizeof k->signs);
}

static int score_one(Kernel *k, const letter *s, Py_ssize_t n, double *out, double *known, unsigned char *named)
{
    double sum[16];
    start_passage(k);
    if (read_text(k, s, n)) {
        for (int kind = 0; kind < KINDS; kind++) bag_empty(&k->bags[kind]);
        return -1;
    }
    memcpy(out, k->intercepts, (size_t)k->values * sizeof(double));
    if (k->shares) {
        double shares[8 * (MOST_PARTIES + 2) + 16];
        shares_of(k, shares);
        for (Py_ssize_t d = 0; d < k->shares; d++)
            for (Py_ssize_t v = 0; v < k->values; v++) out[v] += shares[d] * k->share_rows[d * k->values + v];
    }
    for (int kind = 0; kind < KINDS; kind++) {
        double length;
        if (kind == RUNS) {
            length = sqrt(k->runs_length);
            memcpy(sum, k->runs, sizeof sum);
        } else {
            length = take_bag(k, kind, sum);
        }
        if (length > 0)
            for (Py_ssize_t v = 0; v < k->values; v++) out[v] += k->weights[kind] / length * sum[v];
    }
    *known = k->single ? (double)k->known / (double)k->single : 0.0;
    *named = (unsigned char)(!k->markers || k->any_party);
    return 0;
}

/* the Python type */

static int copy_buffer(PyObject *from, void **to, Py_ssize_t size, const char *what)
{
    Py_buffer view;
    if (PyObject_GetBuffer(from, &view, PyBUF_C_CONTIGUOUS)) return -1;
    if (view.len != size) {
        PyErr_Format(PyExc_ValueError, "%s holds %zd bytes, and %zd are wanted", what, view.len, size);
        PyBuffer_Release(&view);
        return -1;
    }
    *to = malloc((size_t)(size ? size : 1));
    if (*to) memcpy(*to, view.buf, (size_t)size);
    else PyErr_NoMemory();
    PyBuffer_Release(&view);
    return *to ? 0 : -1;
}

static int letters_of(PyObject *text, letters *out)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s where a text is wanted", Py_TYPE(text)->tp_name);
        return -1;
    }
    Py_ssize_t n = PyUnicode_GET_LENGTH(text);
    if (make_room((void **)&out->at, &out->room, n + 1, sizeof(letter))) { PyErr_NoMemory(); return -1; }
    out->n = n;
    return PyUnicode_AsUCS4(text, out->at, n + 1, 1) ? 0 : -1;
}

static int hash_object(PyObject *text, hashed *out)
{
    letters s = {0};
    int failed = letters_of(text, &s);
    if (!failed) *out = hash_of(s.at, s.n);
    free(s.at);
    return failed;
}

static int fill_table(table *t, PyObject *from)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(from)) { PyErr_SetString(PyExc_TypeError, "a dict is wanted"); return -1; }
    if (table_start(t, PyDict_GET_SIZE(from) + 1)) { PyErr_NoMemory(); return -1; }
    while (PyDict_Next(from, &at, &key, &value)) {
        hashed name;
        if (hash_object(key, &name)) return -1;
        int64_t number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred()) return -1;
        table_put(t, name.h, number);
    }
    return 0;
}

static int fill_phrases(Kernel *k, PyObject *from)
{
    k->phrase_count = PyList_GET_SIZE(from);
    k->phrases = calloc((size_t)k->phrase_count + 1, sizeof(phrase));
    if (!k->phrases) { PyErr_NoMemory(); return -1; }
    for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
        phrase *p = &k->phrases[j];
        PyObject *words;
        int party;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(from, j), "O!i", &PyList_Type, &words, &party)) return -1;
        p->party = party;
        p->n = PyList_GET_SIZE(words);
        p->ends = calloc((size_t)p->n + 1, sizeof(Py_ssize_t));
        letters all = {0}, one = {0};
        int failed = !p->ends;
        for (Py_ssize_t w = 0; w < p->n && !failed; w++) {
            failed = letters_of(PyList_GET_ITEM(words, w), &one);
            for (Py_ssize_t i = 0; i < one.n && !failed; i++) failed = push(&all, one.at[i]);
            p->ends[w] = all.n;
        }
        free(one.at);
        p->words = all.at;
        if (failed || !all.n) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a name of no letters");
            return -1;
        }
        if (all.at[0] < 128) k->first_letters[all.at[0] >> 6] |= 1ULL << (all.at[0] & 63);
        else k->first_wide = 1;
    }
    return 0;
}

static int fill_numbers(PyObject *from, int *to, int most)
{
    Py_ssize_t n = PyList_GET_SIZE(from);
    if (n > most) { PyErr_SetString(PyExc_ValueError, "too many parties"); return -1; }
    for (Py_ssize_t i = 0; i < n; i++) to[i] = (int)PyLong_AsLong(PyList_GET_ITEM(from, i));
    return PyErr_Occurred() ? -1 : 0;
}

static int fill_index(Kernel *k)
{
    uint64_t size = 1024, bits = 1 << 16;
    while (size < (uint64_t)k->terms * 2) size *= 2;
    while (bits < (uint64_t)k->terms * 8) bits *= 2;
    k->mask = size - 1;
    k->map_mask = bits - 1;
    k->places = malloc(size * sizeof(int32_t));
    k->map = calloc(bits / 64, sizeof(uint64_t));
    k->kept = calloc(CACHE, sizeof(kept_word));
    if (!k->places || !k->map || !k->kept) { PyErr_NoMemory(); return -1; }
    memset(k->places, 0xFF, size * sizeof(int32_t));
    for (Py_ssize_t i = 0; i < k->terms; i++) {
        uint64_t h = k->hashes[i], bit = h & k->map_mask, p = h & k->mask;
        while (k->places[p] >= 0) p = (p + 1) & k->mask;
        k->places[p] = (int32_t)i;
        k->map[bit >> 6] |= 1ULL << (bit & 63);
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (bag_room(&k->bags[kind], 512)) { PyErr_NoMemory(); return -1; }
    return 0;
}

static int Kernel_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    Kernel *k = (Kernel *)self;
    static char *words[] = {"hashes", "idf", "rows", "intercepts", "shares", "weights", "rarest", "parties", "joint", "own", "rank",
        "names", "phrases", "classes", "languages", "small_words", "english", "markers", "normalize", NULL};
    PyObject *hashes, *idf, *rows, *intercepts, *shares, *parties, *own, *rank, *called, *phrases, *classes, *languages, *small;
    PyObject *normalize;
    if (k->hashes) { PyErr_SetString(PyExc_RuntimeError, "it is made already"); return -1; }
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOO(dddd)dO!iO!O!O!O!O!O!O!npO", words, &hashes, &idf, &rows, &intercepts,
            &shares, &k->weights[0], &k->weights[1], &k->weights[2], &k->weights[3], &k->rarest, &PyList_Type, &parties, &k->joint,
            &PyList_Type, &own, &PyList_Type, &rank, &PyDict_Type, &called, &PyList_Type, &phrases, &PyDict_Type, &classes,
            &PyList_Type, &languages, &PyDict_Type, &small, &k->english, &k->markers, &normalize)) return -1;
    Py_ssize_t n = PyObject_Length(hashes), v = PyObject_Length(intercepts), d = shares == Py_None ? 0 : PyObject_Length(shares);
    if (n < 0 || v < 0 || d < 0) return -1;
    if (v > 16 || n >= INT32_MAX || PyList_GET_SIZE(parties) > MOST_PARTIES || PyList_GET_SIZE(languages) > 60) {
        PyErr_SetString(PyExc_ValueError, "more values, terms, parties or languages than the kernel is made for");
        return -1;
    }
    k->terms = n;
    k->values = v;
    k->width = 16;
    k->shares = d;
    k->parties = (int)PyList_GET_SIZE(parties);
    k->owns = (int)PyList_GET_SIZE(own);
    k->language_count = PyList_GET_SIZE(languages);
    if (k->joint < 0 || k->joint >= k->parties || PyList_GET_SIZE(rank) != k->parties) {
        PyErr_SetString(PyExc_ValueError, "parties, joint and rank do not fit together");
        return -1;
    }
    if (copy_buffer(hashes, (void **)&k->hashes, n * 8, "hashes") || copy_buffer(idf, (void **)&k->idf, n * 4, "idf")
        || copy_buffer(rows, (void **)&k->rows, n * 64, "rows") || copy_buffer(intercepts, (void **)&k->intercepts, v * 8, "intercepts")
        || (d && copy_buffer(shares, (void **)&k->share_rows, d * v * 8, "shares"))) return -1;
    if (fill_numbers(own, k->own, MOST_PARTIES) || fill_numbers(rank, k->rank, MOST_PARTIES) || fill_table(&k->names, called)
        || fill_table(&k->classes, classes) || fill_table(&k->small_words, small) || fill_phrases(k, phrases) || fill_index(k)) return -1;
    for (int p = 0; p < k->parties; p++)
        if (hash_object(PyList_GET_ITEM(parties, p), &k->party_names[p])) return -1;
    Py_INCREF(normalize);
    k->normalize = normalize;
    Py_INCREF(languages);
    k->languages = languages;
    k->nfkc = PyUnicode_InternFromString("NFKC");
    k->und = PyUnicode_InternFromString("und");
    return k->nfkc && k->und ? 0 : -1;
}

static void Kernel_dealloc(PyObject *self)
{
    Kernel *k = (Kernel *)self;
    for (Py_ssize_t j = 0; k->phrases && j < k->phrase_count; j++) { free(k->phrases[j].words); free(k->phrases[j].ends); }
    free(k->phrases);
    free(k->hashes); free(k->places); free(k->map); free(k->idf); free(k->rows); free(k->intercepts); free(k->share_rows);
    free(k->kept); free(k->plain.at); free(k->work.at); free(k->text.at); free(k->found.at);
    table_end(&k->names); table_end(&k->classes); table_end(&k->small_words);
    for (int kind = 0; kind < KINDS; kind++) bag_end(&k->bags[kind]);
    Py_XDECREF(k->normalize); Py_XDECREF(k->nfkc); Py_XDECREF(k->languages); Py_XDECREF(k->und);
    Py_TYPE(self)->tp_free(self);
}

PyDoc_STRVAR(score_doc, "score(texts, scores, known, named) -> list of languages\n\n"
    "Fill scores (n x V float64), known (n float64) and named (n bool); None for a language that is left to Python.");

static PyObject *Kernel_score(PyObject *self, PyObject *args)
{
    Kernel *k = (Kernel *)self;
    PyObject *texts;
    Py_buffer scores, known, named;
    if (!PyArg_ParseTuple(args, "O!w*w*w*", &PyList_Type, &texts, &scores, &known, &named)) return NULL;
    Py_ssize_t n = PyList_GET_SIZE(texts);
    PyObject *said = PyList_New(n);
    if (scores.len != n * k->values * 8 || known.len != n * 8 || named.len != n) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit the texts");
        Py_CLEAR(said);
    }
    for (Py_ssize_t i = 0; said && i < n; i++) {
        if (letters_of(PyList_GET_ITEM(texts, i), &k->text)) { Py_CLEAR(said); break; }
        Py_ssize_t language = language_of(k, k->text.at, k->text.n);
        if (language == -3 || score_one(k, k->text.at, k->text.n, (double *)scores.buf + i * k->values, (double *)known.buf + i,
                (unsigned char *)named.buf + i)) {
            if (!PyErr_Occurred()) PyErr_NoMemory();
            Py_CLEAR(said);
            break;
        }
        PyObject *one = language >= 0 ? PyList_GET_ITEM(k->languages, language) : language == UNKNOWN ? k->und : Py_None;
        Py_INCREF(one);
        PyList_SET_ITEM(said, i, one);
        if ((i & 255) == 255 && PyErr_CheckSignals()) Py_CLEAR(said);
    }
    PyBuffer_Release(&scores);
    PyBuffer_Release(&known);
    PyBuffer_Release(&named);
    return said;
}

PyDoc_STRVAR(hash_doc, "term_hash(kind, term) -> the number by which a model knows a term of kind 0 to 3");

static PyObject *kernel_term_hash(PyObject *module, PyObject *args)
{
    int kind;
    PyObject *term;
    hashed name;
    (void)module;
    if (!PyArg_ParseTuple(args, "iU", &kind, &term) || hash_object(term, &name)) return NULL;
    if (kind < 0 || kind >= KINDS) { PyErr_SetString(PyExc_ValueError, "a kind of terms is 0 to 3"); return NULL; }
    return PyLong_FromUnsignedLongLong(known_as(kind, name.h));
}

static PyMethodDef Kernel_methods[] = {{"score", Kernel_score, METH_VARARGS, score_doc}, {NULL, NULL, 0, NULL}};
static PyMethodDef module_methods[] = {{"term_hash", kernel_term_hash, METH_VARARGS, hash_doc}, {NULL, NULL, 0, NULL}};

static PyTypeObject KernelType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "diptych.classifier._kernel.Kernel",
    .tp_doc = PyDoc_STR("A compiled model; see diptych.classifier.kernel."),
    .tp_basicsize = sizeof(Kernel),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = Kernel_init,
    .tp_dealloc = Kernel_dealloc,
    .tp_methods = Kernel_methods,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_kernel", .m_size = -1, .m_methods = module_methods};

static void make_constants(void)
{
    static const char *const classes[] = {"see", "want", "fear", "decide", "say", "favour", "disfavour"};
    for (letter c = 0; c < 128; c++) {
        ASCII_WORD[c] = (unsigned char)((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? 1 : c == '_' ? 2 : 0);
        ASCII_SPACE[c] = (unsigned char)(c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31));
    }
    for (int i = 1; i < 64; i++) LOGS[i] = 1 + log((double)i);
    static const letter dots[] = {' ', 0x2026, ' '};
    blank = hash_text(" "); side_mark = hash_text(": "); gap = hash_of(dots, 3);
    word_and = hash_text("and"); word_or = hash_text("or");
    T_CONTRAST = hash_text("sentence contrasts"); T_WITHOUT = hash_text("sentence without party");
    T_BEGINS = hash_text("sentence begins "); T_NAMES = hash_text("sentence names ");
    T_ELSEWHERE = hash_text("sentence begins elsewhere, then "); T_VIEW = hash_text("view"); T_VIEW_OF = hash_text("view ");
    T_HOLDS = hash_text("holds "); T_CLOSE = hash_text("holds close "); T_TOWARDS = hash_text("towards ");
    T_VALUE = hash_text("value "); T_NOT = hash_text("not "); T_BETWEEN = hash_text(" between"); T_THIRD = hash_text(" third");
    T_OFFICE = hash_text("office "); T_THIRD_PARTY = hash_text("<third_party>");
    for (int i = 0; i < 7; i++) CLASS_NAMES[i] = hash_text(classes[i]);
}

PyMODINIT_FUNC PyInit__kernel(void)
{
    make_constants();
    if (PyType_Ready(&KernelType)) return NULL;
    PyObject *m = PyModule_Create(&module);
    if (!m) return NULL;
    Py_INCREF(&KernelType);
    if (PyModule_AddObject(m, "Kernel", (PyObject *)&KernelType)) {
        Py_DECREF(&KernelType);
        Py_DECREF(m);
        return NULL;
    }
    return m;
}
