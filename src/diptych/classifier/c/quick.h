/* The quick way for texts of codes: words and tokens of a sentence in one pass over its runs of letters.
 *
 * reading.h holds the rules; here stands what they come to where nothing odd is met. A sentence with an odd letter is left
 * to it, and so are the tokens of one that may hold a name of several words or an apostrophe in an unusual place.
 */

/* a word that is kept or becomes so; NULL without memory */
static const kept_word *word_of(Kernel *k, Py_ssize_t start, Py_ssize_t end, key known_by, spot at)
{
    const code *s = k->layout.folded.at + start;
    const kept_word *found = kept_get(&k->kept, known_by, at);
    return found ? found : keep_narrow(k, s, end - start, hash_narrow(k, s, end - start), known_by);
}

static key key_of(const Kernel *k, Py_ssize_t start, Py_ssize_t end)
{
    const code *s = k->layout.folded.at + start;
    return end - start <= 16 ? key_of_codes(s, end - start) : key_of_hash(hash_narrow(k, s, end - start).h);
}

static const kept_word *any_word(Kernel *k, Py_ssize_t start, Py_ssize_t end)
{
    key known_by = key_of(k, start, end);
    return word_of(k, start, end, known_by, spot_of(known_by));
}

enum { LONE, TIED, TOO_ODD }; /* a run; one that an apostrophe ties to the run before; the same, and a case for reading.h */

/* whether there are digits in it, or it is tied to a further one */
static uint32_t tie_of(const Kernel *k, uint32_t start, uint32_t end)
{
    const code *s = k->layout.folded.at;
    for (uint32_t i = start; i < end; i++)
        if (k->codes.kinds[s[i]] & DIGIT) return TOO_ODD;
    return k->codes.kinds[s[end]] & APOSTROPHE ? TOO_ODD : TIED;
}

#define AHEAD 24 /* words that are fetched before they are read */

/* the runs of a text; what is kept of the first of their words is on the way */
static int list_spans(Kernel *k)
{
    const code *s = k->layout.folded.at;
    const uint32_t *edges = k->layout.edges.at;
    Py_ssize_t n = k->layout.edges.n / 2;
    if (make_room(&k->spans.at, &k->spans.room, n + AHEAD, sizeof(span))) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        uint32_t start = edges[2 * i], end = edges[2 * i + 1], tie = LONE;
        key known_by = key_of(k, start, end);
        spot at = spot_of(known_by);
        fetch_tags(&k->kept, at);
        if (i && start == edges[2 * i - 1] + 1 && s[start - 1] != ' ' && k->codes.kinds[s[start - 1]] & APOSTROPHE) tie = tie_of(k, start, end);
        k->spans.at[i] = (span){known_by, at, start, end, tie};
    }
    for (Py_ssize_t i = n; i < n + AHEAD; i++) k->spans.at[i] = (span){{0, 0}, {0, 1}, UINT32_MAX, UINT32_MAX, LONE};
    for (Py_ssize_t i = 0; i < AHEAD; i++) fetch_kept(&k->kept, k->spans.at[i].spot);
    k->spans.n = n;
    return 0;
}

static int quick_token(Kernel *k, token t)
{
    if (t.party >= 0) t.name = k->party_names[t.party];
    return take_token(k, t);
}

/* the marks between two runs */
static int quick_marks(Kernel *k, Py_ssize_t from, Py_ssize_t to)
{
    const code *s = k->layout.folded.at;
    for (; from < to; from++)
        if (k->codes.kinds[s[from]] & MARKS && quick_token(k, k->marks[s[from]])) return -1;
    return 0;
}

static int has_apostrophe(const Kernel *k, Py_ssize_t from, Py_ssize_t to)
{
    for (; from < to; from++)
        if (k->codes.kinds[k->layout.folded.at[from]] & APOSTROPHE) return 1;
    return 0;
}

/* a token of several runs, a party where one of its parts is */
static token token_of_runs(const Kernel *k, hashed name, Py_ssize_t start, Py_ssize_t end, int hyphen)
{
    token t = token_of(k, name);
    int32_t party = hyphen && t.party < 0 ? party_of_narrow(k, k->layout.folded.at + start, end - start) : -1;
    return party < 0 ? t : (token){name, 0, party};
}

/* Whether a run of one letter that an apostrophe ties to the one before is the t of n't. */
static int of_not(const code *s, const span *at) { return s[at->start] == 't' && s[at->start - 2] == 'n' && at->start - 2 > at[-1].start; }

/* Read a sentence, of these runs. 1 if its tokens are left to reading.h, -1 without memory. */
static int quick_sentence(Kernel *k, Py_ssize_t start, Py_ssize_t end, const span *at, const span *last)
{
    const code *s = k->layout.folded.at;
    Py_ssize_t from = start, began = 0; /* where the marks before the next token begin; where the open token does */
    hashed before = {0, 0}, open = {0, 0}, sign = {0, 0};
    int left = k->odd_phrases, hyphen = 0, starts = 0;
    k->tokens.n = 0;
    for (; at < last; at++) {
        const kept_word *w;
        fetch_kept(&k->kept, at[AHEAD].spot);
        int tied = at->tie != LONE, tie = at + 1 < last && at[1].tie != LONE;
        if (tie && (!(w = any_word(k, at->start, at[1].end)) || take_word(k, w, &before))) return -1;
        if (!(w = word_of(k, at->start, at->end, at->key, at->spot))) return -1;
        if (!tie && !tied && take_word(k, w, &before)) return -1;
        token t = w->as;
        if (starts && w->flags & GOES_ON && (has_apostrophe(k, start, end) || note_phrases_narrow(k, s, end, at[-1].start, ANY_START))) left = 1;
        starts = (w->flags & STARTS) != 0;
        if (((Py_ssize_t)at->start != from + 1 || s[from] != ' ') && quick_marks(k, from, at->start)) return -1;
        from = at->end;
        int joins = at + 1 < last && at[1].start == at->end + 1 && (s[from] == '-' || s[from] == '.');
        if (at->end == at->start + 1 && (Py_ssize_t)at->start > start && k->codes.kinds[s[at->start - 1]] & APOSTROPHE) {
            if (s[at->start] == 's') {
                left |= joins || !tied;
                continue;
            }
            left |= tied && of_not(s, at);
        }
        if (open.power) open = joined(joined(open, sign), t.name);
        else if (joins) { open = t.name; began = at->start; }
        if (joins) {
            hyphen |= s[from] == '-';
            sign = (hashed){(uint64_t)s[from++] + 1, BASE};
            continue;
        }
        if (open.power) {
            t = token_of_runs(k, open, began, at->end, hyphen);
            open.power = 0;
            hyphen = 0;
        }
        if (quick_token(k, t)) return -1;
    }
    return quick_marks(k, from, end) ? -1 : left;
}

/* a sentence between two places of a text; `at`: its first run; `odd`: the first odd letter that is not before it */
static int read_quickly(Kernel *k, const code *s, Py_ssize_t start, Py_ssize_t end, const span **at, const uint32_t **odd)
{
    const span *first = *at, *last = first;
    uint32_t found = 0;
    while (**odd < start) ++*odd;
    for (; last->start < end; last++) found |= last->tie;
    *at = last;
    if (found & TOO_ODD || **odd < end) return read_sentence_narrow(k, s + start, end - start);
    k->sentences++;
    int left = quick_sentence(k, start, end, first, last);
    if (left < 0) return -1;
    if (!k->markers) return 0;
    if (left) {
        narrow *plain = &k->plain;
        plain->n = end - start;
        if (make_room(&plain->at, &plain->room, plain->n + 1, 1)) return -1;
        memcpy(plain->at, k->layout.folded.at + start, (size_t)plain->n);
        if (read_tokens_of_codes(k, has_apostrophe(k, start, end))) return -1;
    }
    if (read_parties(k)) return -1;
    fetch_terms(k);
    return 0;
}

static int read_text_quickly(Kernel *k, const code *s, Py_ssize_t n)
{
    layout *l = &k->layout;
    Py_ssize_t start = 0;
    if (lay_out(l, &k->codes, s, n) || list_spans(k)) return -1;
    k->seen = l->seen;
    const span *at = k->spans.at;
    const uint32_t *odd = l->odd.at;
    for (const uint32_t *stop = l->stops.at; *stop < n;) {
        Py_ssize_t next = stop_end_narrow(k, s, n, *stop++);
        if (next < 0) continue;
        while (*stop < next) stop++;
        Py_ssize_t end = sentence_end_narrow(k, s, start, next);
        if (end < 0) continue;
        while (start < end && k->codes.kinds[s[start]] & SPACE) start++;
        if (end > start && read_quickly(k, s, start, end, &at, &odd)) return -1;
        start = next;
    }
    while (n > start && k->codes.kinds[s[n - 1]] & SPACE) n--;
    while (start < n && k->codes.kinds[s[start]] & SPACE) start++;
    return n > start ? read_quickly(k, s, start, n, &at, &odd) : 0;
}
