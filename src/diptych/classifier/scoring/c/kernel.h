/* What a kernel holds: the model, what it knows of parties and languages, and what is used again for every passage. */
enum { SEE = 1, WANT = 2, FEAR = 4, DECIDE = 8, SAY = 16, FAVOUR = 32, DISFAVOUR = 64, CONTRAST = 128, NEGATION = 256, THIRD = 512, OFFICE = 1024 };
#define ATTITUDES (SEE | WANT | FEAR | DECIDE | SAY)
#define MOST_PARTIES 60
#define NOBODY (MOST_PARTIES + 1) /* in sets of parties: some third one */
#define MOST_LANGUAGES 60
#define MOST_VALUES 256
#define ODD_START 1 /* in place of the hash of a run: what begins with no word letter */

typedef struct { hashed name; uint32_t classes; int32_t party; } token; /* party: its number, or -1 */
typedef struct { uint64_t h; Py_ssize_t start, end; int32_t kept; } word; /* kept: where, or -1 */
typedef struct { letter *letters; code *codes; Py_ssize_t *ends, n; int32_t party; } phrase; /* codes: NULL if it has none */

typedef struct {
    PyObject_HEAD
    codes codes;
    index_ index;
    double *intercepts, *share_rows;
    Py_ssize_t shares;
    double weights[TERM_KINDS], rarest;
    /* parties, attitudes, languages */
    int markers, joint, parties, first_mark;
    int own[MOST_PARTIES], owns, rank[MOST_PARTIES];
    hashed party_names[MOST_PARTIES];
    table lexicon;     /* of tokens: a party or -1; classes of attitude */
    table small_words; /* languages, a bit each */
    phrase *phrases;
    Py_ssize_t phrase_count;
    int odd_phrases; /* whether one begins with what is no letter */
    uint64_t starts[MAP], *wanted; /* how phrases begin; which of them stand in a sentence */
    PyObject *normalize, *nfkc, *languages, *und;
    Py_ssize_t language_count, english;
    /* used again and again */
    kept kept;
    wide text, wide_plain, wide_work;    /* a text; a sentence as its words and tokens are read from it */
    narrow codes_of_text, codes_of_sentence, plain, work;
    struct { uint64_t *at; Py_ssize_t n, room; } edged;
    struct { word *at; Py_ssize_t n, room; } words;
    struct { token *at; Py_ssize_t n, room; } tokens;
    pile word_runs, singles, pairs, around, sides;
    bag bag;
    double *runs, *sum; /* a row each */
    double runs_length;
    /* of a passage */
    unsigned seen; /* the kinds of its letters */
    Py_ssize_t word_count, known, hits[MOST_LANGUAGES];
    Py_ssize_t sentences, votes_none, votes_several, nobody;
    Py_ssize_t named[MOST_PARTIES], firsts[MOST_PARTIES], views[NOBODY + 1], mentions[MOST_PARTIES];
    Py_ssize_t signs[2][3];
    int any_party;
} Kernel;

static hashed blank, side_mark, gap, word_and, word_or; /* " ", ": ", " … ", made when the module starts */
