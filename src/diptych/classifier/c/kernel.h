/* What a kernel holds: the model, what it knows of parties and languages, and what is used again for every passage. */
enum { SEE = 1, WANT = 2, FEAR = 4, DECIDE = 8, SAY = 16, FAVOUR = 32, DISFAVOUR = 64, CONTRAST = 128, NEGATION = 256, THIRD = 512, OFFICE = 1024 };
#define ATTITUDES (SEE | WANT | FEAR | DECIDE | SAY)
#define MOST_PARTIES 60
#define NOBODY (MOST_PARTIES + 1) /* in sets of parties: some third one */
#define MOST_LANGUAGES 60
#define MOST_VALUES 256
#define ANY_START 0 /* in place of the hash of a run: it may start a phrase */
#define ODD_START 1 /* in place of the hash of a run: what begins with no word letter */

typedef struct { hashed name; Py_ssize_t start, end; } word;
typedef struct { key key; spot spot; uint32_t start, end, tie; } span; /* of a run of letters; tie: see quick.h */
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
    table small_words; /* the number of a set of languages; the set, a bit each */
    uint64_t *sets;
    Py_ssize_t set_count, *in_sets; /* sets of languages; how many small words of each were met */
    token marks[256]; /* stops and commas as tokens */
    phrase *phrases;
    Py_ssize_t phrase_count;
    int odd_phrases; /* whether one begins with what is no letter */
    uint64_t starts[MAP], seconds[MAP], *wanted; /* the first and second runs of letters of phrases; which of them stand in a sentence */
    PyObject *normalize, *nfkc, *languages, *und;
    Py_ssize_t language_count, english;
    /* used again and again */
    kept kept;
    wide text, wide_plain, wide_work;    /* a text; a sentence as its words and tokens are read from it */
    narrow codes_of_text, codes_of_sentence, plain, work;
    layout layout;
    struct { uint64_t *at; Py_ssize_t n, room; } edged;
    struct { word *at; Py_ssize_t n, room; } words;
    struct { span *at; Py_ssize_t n, room; } spans;
    struct { token *at; Py_ssize_t n, room; } tokens;
    struct { int32_t *at; Py_ssize_t n, room; } telling; /* which tokens are parties or words of attitude */
    pile word_runs, singles, pairs, around, sides;
    tallies tallies;
    heap run_rows, rows;
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

static hashed side_mark, gap; /* ": ", " … ", made when the module starts */
