/* Letters: what each is, in one byte where a text allows it.
 *
 * Most texts hold ASCII and a few dozen other letters: they are read as codes of a byte, 128 and up for the letters that
 * kernel.py lists with what Python makes of each (NFKC, case-folded). All other texts are read as UCS-4, and Python
 * normalises their sentences itself, so that every rule of Unicode has one home.
 */
typedef Py_UCS4 letter;
typedef uint8_t code;

enum {
    WORD = 1,         /* \w */
    INNER = 2,        /* of a word: a letter or digit of no script that is written without blanks */
    WIDE = 4,         /* a word by itself */
    DIGIT = 8,        /* \d */
    SPACE = 16,       /* \s */
    STOP = 32,        /* ends a sentence if a blank follows */
    WIDE_STOP = 64,   /* ends one in any case */
    CLOSES = 128,     /* may stand between a stop and the blank */
    CLOSES_WIDE = 256,
    OPENS = 512,      /* may stand before a sentence's first letter */
    BEGINS = 1024,    /* may begin a sentence */
    MARKS = 2048,     /* a token of its own */
    APOSTROPHE = 4096,
    LATIN = 8192,     /* a letter of the Latin script */
    OTHER_SCRIPT = 16384
};

#define MARK_WIDE 0xF0000 /* and on, a party each: stand for names of several words; as codes the last ones do */
#define BASE 0x9E3779B97F4A7C15ULL
#define POWERS 4096

static uint16_t KINDS_OF[256]; /* of ASCII here, of the other codes in each kernel's own table */
static uint64_t POWER[POWERS];

static int one_of(letter c, const letter *these)
{
    for (; *these; these++)
        if (*these == c) return 1;
    return 0;
}

static unsigned kinds_of_letter(letter c)
{
    static const letter closing[] = {'\'', '"', 0x201D, 0x2019, ')', ']', 0};
    static const letter closing_wide[] = {'\'', '"', 0x201D, 0x2019, 0x300D, 0x300F, 0xFF09, 0};
    static const letter opening[] = {'"', 0x201C, 0x2018, '\'', '(', '[', 0};
    static const letter marks[] = {'.', '!', '?', ';', ':', ',', 0};
    int alnum = Py_UNICODE_ISALNUM(c);
    int wide = c >= 0x3040 && (c <= 0x30FF || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF));
    int other = (c >= 0x370 && c < 0x530) || (c >= 0x590 && c < 0x780) || (c >= 0x3040 && c < 0xD7B0);
    return (alnum || c == '_' ? WORD : 0) | (alnum && !wide ? INNER : 0) | (wide ? WIDE : 0) | (Py_UNICODE_ISDECIMAL(c) ? DIGIT : 0)
        | (Py_UNICODE_ISSPACE(c) ? SPACE : 0) | (c == '.' || c == '!' || c == '?' || c == 0x2026 ? STOP : 0)
        | (c == 0x3002 || c == 0xFF01 || c == 0xFF1F ? WIDE_STOP : 0) | (one_of(c, closing) ? CLOSES : 0)
        | (one_of(c, closing_wide) ? CLOSES_WIDE : 0) | (one_of(c, opening) ? OPENS : 0)
        | (alnum && !(c >= 'a' && c <= 'z') ? BEGINS : 0) | (one_of(c, marks) ? MARKS : 0)
        | (c == '\'' || c == 0x2019 ? APOSTROPHE : 0) | (c < 0x250 && Py_UNICODE_ISALPHA(c) ? LATIN : 0) | (other ? OTHER_SCRIPT : 0);
}

static void make_letters(void)
{
    for (letter c = 0; c < 128; c++) KINDS_OF[c] = (uint16_t)kinds_of_letter(c);
    POWER[0] = 1;
    for (int i = 1; i < POWERS; i++) POWER[i] = POWER[i - 1] * BASE;
}

/* the codes of a kernel */

#define NARROWEST 0x2300 /* letters from here on have no code */
#define UNFOLDED 3       /* letters that one may become */

typedef struct {
    uint16_t kinds[256];
    uint64_t value[256];           /* of a letter in a hash */
    code of[NARROWEST];            /* letter → code; 0 for one that has none */
    code fold[256][UNFOLDED];
    uint8_t folds[256];            /* how many letters it becomes */
} codes;

static void start_codes(codes *c)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < 128; i++) {
        c->kinds[i] = KINDS_OF[i];
        c->value[i] = (uint64_t)i + 1;
        c->of[i] = c->fold[i][0] = (code)i;
        c->folds[i] = 1;
        if (i >= 'A' && i <= 'Z') c->fold[i][0] = (code)(i + 32);
    }
}

/* what a letter becomes, as codes; -1 if a part of it has none */
static int fold_of(const codes *c, PyObject *folded, code *out)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(folded);
    if (n < 1 || n > UNFOLDED) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        letter one = PyUnicode_READ_CHAR(folded, i);
        if (one >= NARROWEST || (one && !c->of[one])) return -1;
        out[i] = c->of[one];
    }
    return (int)n;
}

/* letters: one string; folds: what each becomes; end: the first code that is none of a letter. A letter without a code for what it becomes is left out. */
static int fill_codes(codes *c, PyObject *letters, PyObject *folds, int end)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(letters);
    start_codes(c);
    if (n > end - 128 || PyList_GET_SIZE(folds) != n) {
        PyErr_SetString(PyExc_ValueError, "more letters than there are codes, or not as many folded ones");
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        letter one = PyUnicode_READ_CHAR(letters, i);
        if (one < 128 || one >= NARROWEST) { PyErr_SetString(PyExc_ValueError, "a letter that can have no code"); return -1; }
        c->of[one] = (code)(128 + i);
        c->kinds[128 + i] = (uint16_t)kinds_of_letter(one);
        c->value[128 + i] = (uint64_t)one + 1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *folded = PyList_GET_ITEM(folds, i);
        if (!PyUnicode_Check(folded)) { PyErr_SetString(PyExc_TypeError, "a folded letter is no text"); return -1; }
        int found = fold_of(c, folded, c->fold[128 + i]);
        if (found > 0) c->folds[128 + i] = (uint8_t)found;
        else c->of[PyUnicode_READ_CHAR(letters, i)] = 0;
    }
    return 0;
}

/* growing arrays */

static int make_room(void *array, Py_ssize_t *room, Py_ssize_t wanted, size_t size)
{
    if (wanted <= *room) return 0;
    Py_ssize_t more = *room ? *room : 256;
    while (more < wanted) more *= 2;
    void *found = realloc(*(void **)array, (size_t)more * size);
    if (!found) return -1;
    *(void **)array = found;
    *room = more;
    return 0;
}

typedef struct { code *at; Py_ssize_t n, room; } narrow;
typedef struct { letter *at; Py_ssize_t n, room; } wide;

static int letters_of(PyObject *text, wide *out)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s where a text is wanted", Py_TYPE(text)->tp_name);
        return -1;
    }
    Py_ssize_t n = PyUnicode_GET_LENGTH(text);
    if (make_room(&out->at, &out->room, n + 1, sizeof(letter))) { PyErr_NoMemory(); return -1; }
    out->n = n;
    return PyUnicode_AsUCS4(text, out->at, n + 1, 1) ? 0 : -1;
}

/* a text as codes: 1 if it is, 0 if a letter has none, -1 without memory; `at` may point into the text itself */
static int narrow_of(const codes *c, PyObject *text, narrow *own, const code **at)
{
    Py_ssize_t n = PyUnicode_GET_LENGTH(text);
    int kind = (int)PyUnicode_KIND(text), missing = 0;
    if (PyUnicode_IS_ASCII(text)) {
        *at = (const code *)PyUnicode_DATA(text);
        return 1;
    }
    if (kind == PyUnicode_4BYTE_KIND) return 0;
    if (make_room(&own->at, &own->room, n + 1, 1)) return -1;
    if (kind == PyUnicode_1BYTE_KIND) {
        const Py_UCS1 *s = PyUnicode_1BYTE_DATA(text);
        for (Py_ssize_t i = 0; i < n; i++) {
            own->at[i] = c->of[s[i]];
            missing |= !own->at[i] & (s[i] != 0);
        }
    } else {
        const Py_UCS2 *s = PyUnicode_2BYTE_DATA(text);
        for (Py_ssize_t i = 0; i < n; i++) {
            own->at[i] = s[i] < NARROWEST ? c->of[s[i]] : 0;
            missing |= !own->at[i] & (s[i] != 0);
        }
    }
    *at = own->at;
    return !missing;
}
