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

#if !defined(__GNUC__) && !defined(__clang__)
#define __builtin_prefetch(at) ((void)0)
#endif

enum { HOLDER = 8, OBJECT = 8, NEAR = 7, SKIP = 5, LONGEST = 4, TAIL = 12, LOOKED_AT = 2000 };

static const char *const SHORT[] = {"Mr", "Mrs", "Ms", "Dr", "Prof", "Gen", "Lt", "Col", "Maj", "Sgt", "Capt", "Adm", "Sen", "Rep", "Gov",
    "Pres", "St", "Mt", "vs", "No", "Nos", "Vol", "Fig", "Jr", "Sr", "Jan", "Feb", "Mar", "Apr", "Aug", "Sep", "Sept", "Oct", "Nov",
    "Dec", "al", "etc", "cf", "approx", "ca", "pp", "Art", "Inc", "Ltd", "Co", "Corp", NULL};

#include "memory.h"
#include "letters.h"
#include "blocks.h"
#include "rows.h"
#include "terms.h"
#include "lexicon.h"
#include "kept.h"
#include "kernel.h"
#include "words.h"
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

#include "sentences.h"
#include "quick.h"

/* languages: language.py; texts in other than Latin letters are left to it */

enum { UNKNOWN = -1, NOT_LATIN = -2 };

static Py_ssize_t language_of(Kernel *k)
{
    if (k->seen & OTHER_SCRIPT) return NOT_LATIN;
    if (!(k->seen & LATIN)) return UNKNOWN;
    Py_ssize_t best = 0;
    memset(k->hits, 0, sizeof k->hits);
    for (Py_ssize_t s = 1; s < k->set_count; s++)
        if (k->in_sets[s])
            for (uint64_t left = k->sets[s]; left; left &= left - 1) k->hits[__builtin_ctzll(left)] += k->in_sets[s];
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
    memset(k->in_sets, 0, (size_t)k->set_count * sizeof *k->in_sets);
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

/* the terms of a pile, counted, on the heap; the sum of their squares */
static double heap_terms(Kernel *k, pile *p)
{
    const index_ *x = &k->index;
    double length = 0;
    count(&k->tallies, p);
    for (Py_ssize_t i = 0; i < p->n; i++) {
        tally *of = &k->tallies.at[p->at[i]];
        const record *r = record_at(x, of->number - 1);
        double w = (of->count < 64 ? LOGS[of->count] : 1 + log((double)of->count)) * (double)r->length;
        *of = (tally){0, 0};
        length += w * w;
        heap_row(&k->rows, r->row, w, k->sum, x->values);
    }
    return length;
}

/* what a kind of terms adds to the scores */
static void add_kind(Kernel *k, int kind, double length, double *out)
{
    Py_ssize_t values = k->index.values;
    empty_heap(&k->rows, k->sum, values);
    double by = length > 0 ? k->weights[kind] / sqrt(length) : 0;
    for (Py_ssize_t v = 0; v < values; v++) {
        out[v] += by * k->sum[v];
        k->sum[v] = 0;
    }
}

static void start_passage(Kernel *k)
{
    memset(k->runs, 0, (size_t)k->index.values * sizeof(double));
    k->runs_length = 0;
    k->run_rows.n = 0;
    k->singles.n = k->pairs.n = k->around.n = k->sides.n = 0;
    k->pairs.done = k->around.done = k->sides.done = 0;
    k->word_count = k->known = k->sentences = k->votes_none = k->votes_several = k->nobody = 0;
    k->any_party = 0;
    k->seen = 0;
    memset(k->in_sets, 0, (size_t)k->set_count * sizeof *k->in_sets);
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
    fetch_terms(k);
    fetch_records(&k->index, &k->pairs);
    fetch_records(&k->index, &k->around);
    fetch_records(&k->index, &k->sides);
    empty_heap(&k->run_rows, k->runs, values);
    if (k->runs_length > 0)
        for (Py_ssize_t v = 0; v < values; v++) out[v] += k->weights[RUNS] / sqrt(k->runs_length) * k->runs[v];
    settle(&k->index, &k->pairs);
    settle(&k->index, &k->around);
    settle(&k->index, &k->sides);
    Py_ssize_t most = k->singles.n;
    if (k->pairs.n > most) most = k->pairs.n;
    if (k->around.n > most) most = k->around.n;
    if (k->sides.n > most) most = k->sides.n;
    if (room_for_tallies(&k->tallies, most)) return -1;
    double length = heap_terms(k, &k->singles);
    add_kind(k, WORDS, length + heap_terms(k, &k->pairs), out);
    add_kind(k, PARTIES, heap_terms(k, &k->around), out);
    add_kind(k, SIDES, heap_terms(k, &k->sides), out);
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
        if (n < UINT32_MAX ? read_text_quickly(k, codes, n) : read_text_narrow(k, codes, n)) return -3;
    } else if (letters_of(text, &k->text) || read_text_wide(k, k->text.at, n)) return -3;
    if (score_passage(k, out, known, named)) return -3;
    if (n > LOOKED_AT && look_again(k, in_codes ? codes : NULL, k->text.at)) return -3;
    return language_of(k);
}

#include "module.h"
