/* The scorer in C: the same terms, shares and scores as analyser.py, parties.py, shares.py and score.py, in one pass. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDE_ROWS __attribute__((target_clones("avx2,fma", "default")))
#else
#define WIDE_ROWS
#endif
#if !defined(__GNUC__) && !defined(__clang__)
#define __builtin_prefetch(at) ((void)0)
#endif

enum { HOLDER = 8, OBJECT = 8, NEAR = 7, SKIP = 5, LONGEST = 4, TAIL = 12, LOOKED_AT = 2000 };

static const char *const SHORT[] = {"Mr", "Mrs", "Ms", "Dr", "Prof", "Gen", "Lt", "Col", "Maj", "Sgt", "Capt", "Adm", "Sen", "Rep", "Gov",
    "Pres", "St", "Mt", "vs", "No", "Nos", "Vol", "Fig", "Jr", "Sr", "Jan", "Feb", "Mar", "Apr", "Aug", "Sep", "Sept", "Oct", "Nov",
    "Dec", "al", "etc", "cf", "approx", "ca", "pp", "Art", "Inc", "Ltd", "Co", "Corp", NULL};

#include "letters.h"
#include "terms.h"
#include "tables.h"
#include "kernel.h"

/* rows */

WIDE_ROWS static void add_row(double *restrict out, const float *restrict row, double by, Py_ssize_t n)
{
    for (Py_ssize_t v = 0; v < n; v++) out[v] += by * (double)row[v];
}

WIDE_ROWS static void add_runs(double *restrict out, const float *restrict row, Py_ssize_t n)
{
    for (Py_ssize_t v = 0; v < n; v++) out[v] += (double)row[v];
}

/* of one word, token or name */

static void count_small_word(Kernel *k, uint64_t h)
{
    const entry *e = table_get(&k->small_words, h);
    if (!e) return;
    for (uint64_t left = (uint64_t)e->second; left; left &= left - 1) k->hits[__builtin_ctzll(left)]++;
}

/* names of several words are looked for where their first run of word letters is found, by its hash */
static int may_start(const Kernel *k, uint64_t run) { return map_has(k->starts, spread(run)); }

#include "parties.h"

/* sentences, in codes and in UCS-4 */

static int read_sentence_narrow(Kernel *k, const code *s, Py_ssize_t n);
static int read_sentence_wide(Kernel *k, const letter *s, Py_ssize_t n);

#define LETTER code
#define LETTERS narrow
#define F(name) name##_narrow
#define HAS(c, those) (k->codes.kinds[c] & (those))
#define VALUE(c) k->codes.value[c]
#define LETTER_OF(c) (letter)(k->codes.value[c] - 1)
#define PHRASE(p) (p)->codes
#define IS_MARK(c) ((c) >= k->first_mark)
#define MARK_OF(party) (k->first_mark + (party))
#include "reading.h"
#include "tokens.h"

#define LETTER letter
#define LETTERS wide
#define F(name) name##_wide
#define HAS(c, those) (((c) < 128 ? KINDS_OF[c] : kinds_of_letter(c)) & (those))
#define VALUE(c) ((uint64_t)(c) + 1)
#define LETTER_OF(c) (c)
#define PHRASE(p) (p)->letters
#define IS_MARK(c) ((c) >= MARK_WIDE)
#define MARK_OF(party) (letter)(MARK_WIDE + (party))
#include "reading.h"
#include "tokens.h"

/* letters as Python normalises (NFKC) and case-folds them */
static int fold_wide(Kernel *k, const letter *s, Py_ssize_t n)
{
    wide *out = &k->wide_plain;
    PyObject *raw = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, s, n);
    PyObject *made = raw ? PyObject_CallFunctionObjArgs(k->normalize, k->nfkc, raw, NULL) : NULL;
    PyObject *folded = made ? PyObject_CallMethod(made, "casefold", NULL) : NULL;
    Py_XDECREF(raw);
    Py_XDECREF(made);
    if (!folded) return -1;
    Py_ssize_t m = PyUnicode_GET_LENGTH(folded);
    int failed = make_room(&out->at, &out->room, m + 1, sizeof(letter)) || !PyUnicode_AsUCS4(folded, out->at, m + 1, 0);
    Py_DECREF(folded);
    out->n = m;
    return failed ? -1 : 0;
}

/* the kinds of the folded letters are returned, or 0 without memory */
static unsigned fold_narrow(Kernel *k, const code *s, Py_ssize_t n)
{
    const codes *c = &k->codes;
    unsigned seen = 1U << 31;
    if (make_room(&k->plain.at, &k->plain.room, UNFOLDED * n + 1, 1)) return 0;
    code *to = k->plain.at;
    for (Py_ssize_t i = 0; i < n; i++) {
        code one = s[i];
        *to++ = c->fold[one][0];
        seen |= c->kinds[one];
        if (one >= 128)
            for (int j = 1; j < c->folds[one]; j++) *to++ = c->fold[one][j];
    }
    k->plain.n = to - k->plain.at;
    return seen;
}

static int finish_sentence(Kernel *k)
{
    if (read_parties(k)) return -1;
    vote(k);
    return 0;
}

static int read_sentence_narrow(Kernel *k, const code *s, Py_ssize_t n)
{
    narrow *plain = &k->plain;
    unsigned seen = fold_narrow(k, s, n);
    k->sentences++;
    if (!seen || read_words_narrow(k, plain->at, plain->n)) return -1;
    if (!k->markers) return 0;
    if (seen & APOSTROPHE && k->codes.of[0x2019])
        for (Py_ssize_t i = 0; i < plain->n; i++)
            if (plain->at[i] == k->codes.of[0x2019]) plain->at[i] = '\'';
    return read_tokens_narrow(k, plain, &k->work, (seen & APOSTROPHE) != 0) ? -1 : finish_sentence(k);
}

static int read_sentence_wide(Kernel *k, const letter *s, Py_ssize_t n)
{
    narrow *own = &k->codes_of_sentence;
    wide *plain = &k->wide_plain;
    Py_ssize_t i = 0;
    if (make_room(&own->at, &own->room, n + 1, 1)) return -1;
    for (; i < n && s[i] < NARROWEST && (k->codes.of[s[i]] || !s[i]); i++) own->at[i] = k->codes.of[s[i]];
    if (i == n) return read_sentence_narrow(k, own->at, n);
    k->sentences++;
    if (fold_wide(k, s, n) || read_words_wide(k, plain->at, plain->n)) return -1;
    if (!k->markers) return 0;
    int apostrophe = 0;
    for (i = 0; i < plain->n; i++) {
        if (plain->at[i] == 0x2019) plain->at[i] = '\'';
        else if (plain->at[i] >= MARK_WIDE) plain->at[i] = ' ';
        apostrophe |= plain->at[i] == '\'';
    }
    return read_tokens_wide(k, plain, &k->wide_work, apostrophe) ? -1 : finish_sentence(k);
}

/* languages: language.py; texts in other than Latin letters are left to it */

enum { UNKNOWN = -1, NOT_LATIN = -2 };

static Py_ssize_t language_of(const Kernel *k)
{
    if (k->seen & OTHER_SCRIPT) return NOT_LATIN;
    if (!(k->seen & LATIN)) return UNKNOWN;
    Py_ssize_t best = 0;
    for (Py_ssize_t l = 1; l < k->language_count; l++)
        if (k->hits[l] > k->hits[best] || (k->hits[l] == k->hits[best] && l == k->english)) best = l;
    double least = 0.08 * (double)k->word_count;
    if (least < 2) least = 2;
    return (double)k->hits[best] >= least || (k->hits[best] && k->word_count < 8) ? best : UNKNOWN;
}

/* count again what tells the language, in a text's beginning alone */
static int look_again(Kernel *k, const code *codes, const letter *letters)
{
    k->word_count = 0;
    k->seen = 0;
    memset(k->hits, 0, sizeof k->hits);
    if (codes) {
        for (Py_ssize_t i = 0; i < LOOKED_AT; i++) k->seen |= k->codes.kinds[codes[i]];
        if (!fold_narrow(k, codes, LOOKED_AT)) return -1;
        count_small_words_narrow(k, k->plain.at, k->plain.n);
    } else {
        for (Py_ssize_t i = 0; i < LOOKED_AT; i++) k->seen |= kinds_of_letter(letters[i]);
        if (k->seen & OTHER_SCRIPT) return 0;
        if (fold_wide(k, letters, LOOKED_AT)) return -1;
        count_small_words_wide(k, k->wide_plain.at, k->wide_plain.n);
    }
    return 0;
}

/* scores: score.py */

static double LOGS[64];

static int fill_bag(Kernel *k, pile *p, int kind)
{
    look_up(&k->index, p, kind);
    for (Py_ssize_t i = 0; i < p->n; i++)
        if (bag_add(&k->bag, (int32_t)p->at[i])) return -1;
    return 0;
}

static int fill_singles(Kernel *k)
{
    for (Py_ssize_t i = 0; i < k->singles.n; i++) {
        k->known += (double)record_at(&k->index, (uint32_t)k->singles.at[i])->length <= k->rarest;
        if (bag_add(&k->bag, (int32_t)k->singles.at[i])) return -1;
    }
    return 0;
}

static void add_bag(Kernel *k, int kind, double *out)
{
    bag *b = &k->bag;
    double length = 0;
    memset(k->sum, 0, (size_t)k->index.values * sizeof(double));
    for (Py_ssize_t i = 0; i < b->n; i++) {
        const record *r = record_at(&k->index, (uint32_t)b->term[i]);
        int32_t c = b->count[i];
        double w = (c < 64 ? LOGS[c] : 1 + log((double)c)) * (double)r->length;
        length += w * w;
        add_row(k->sum, r->row, w, k->index.values);
    }
    bag_empty(b);
    if (length > 0)
        for (Py_ssize_t v = 0; v < k->index.values; v++) out[v] += k->weights[kind] / sqrt(length) * k->sum[v];
}

static void start_passage(Kernel *k)
{
    memset(k->runs, 0, (size_t)k->index.values * sizeof(double));
    k->runs_length = 0;
    k->singles.n = k->pairs.n = k->around.n = k->sides.n = 0;
    k->word_count = k->known = k->sentences = k->votes_none = k->votes_several = k->nobody = 0;
    k->any_party = 0;
    k->seen = 0;
    memset(k->hits, 0, sizeof k->hits);
    memset(k->named, 0, sizeof k->named);
    memset(k->firsts, 0, sizeof k->firsts);
    memset(k->views, 0, sizeof k->views);
    memset(k->mentions, 0, sizeof k->mentions);
    memset(k->signs, 0, sizeof k->signs);
}

static int score_passage(Kernel *k, double *out, double *known, unsigned char *named)
{
    Py_ssize_t values = k->index.values;
    memcpy(out, k->intercepts, (size_t)values * sizeof(double));
    if (k->shares) {
        double shares[8 * (MOST_PARTIES + 2) + 16];
        shares_of(k, shares);
        for (Py_ssize_t d = 0; d < k->shares; d++)
            if (shares[d] != 0)
                for (Py_ssize_t v = 0; v < values; v++) out[v] += shares[d] * k->share_rows[d * values + v];
    }
    if (fill_singles(k) || fill_bag(k, &k->pairs, WORDS)) return -1;
    add_bag(k, WORDS, out);
    if (k->runs_length > 0)
        for (Py_ssize_t v = 0; v < values; v++) out[v] += k->weights[RUNS] / sqrt(k->runs_length) * k->runs[v];
    if (fill_bag(k, &k->around, PARTIES)) return -1;
    add_bag(k, PARTIES, out);
    if (fill_bag(k, &k->sides, SIDES)) return -1;
    add_bag(k, SIDES, out);
    *known = k->word_count ? (double)k->known / (double)k->word_count : 0.0;
    *named = (unsigned char)(!k->markers || k->any_party);
    return 0;
}

/* the language of a text is returned: its number, UNKNOWN, NOT_LATIN, or -3 for a failure */
static Py_ssize_t score_text(Kernel *k, PyObject *text, double *out, double *known, unsigned char *named)
{
    const code *codes = NULL;
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s where a text is wanted", Py_TYPE(text)->tp_name);
        return -3;
    }
    Py_ssize_t n = PyUnicode_GET_LENGTH(text);
    int in_codes = narrow_of(&k->codes, text, &k->codes_of_text, &codes);
    if (in_codes < 0) return -3;
    start_passage(k);
    if (in_codes) {
        if (read_text_narrow(k, codes, n)) return -3;
    } else if (letters_of(text, &k->text) || read_text_wide(k, k->text.at, n)) return -3;
    if (score_passage(k, out, known, named)) { bag_empty(&k->bag); return -3; }
    if (n > LOOKED_AT && look_again(k, in_codes ? codes : NULL, k->text.at)) return -3;
    return language_of(k);
}

#include "filling.h"
#include "module.h"
