/* Tokens → the terms around parties (parties.py) and the votes of sentences (shares.py). */

/* a party that is named twice is one token, and so are two that are joined */
static int take_token(Kernel *k, token t)
{
    if (t.party >= 0 && k->tokens.n) {
        const token *last = &k->tokens.at[k->tokens.n - 1];
        if (last->party == t.party) return 0;
        if (k->tokens.n > 1 && last->party == AND_OR && last[-1].party >= 0 && last[-1].party != t.party) {
            k->tokens.n -= 2;
            t.party = k->joint;
            t.name = k->party_names[k->joint];
        }
    }
    if (k->tokens.n == k->tokens.room && make_room(&k->tokens.at, &k->tokens.room, k->tokens.n + 1, sizeof(token))) return -1;
    k->tokens.at[k->tokens.n++] = t;
    return 0;
}


/* terms around parties: parties.py */

static hashed T_CONTRAST, T_WITHOUT, T_BEGINS, T_NAMES, T_ELSEWHERE, T_VIEW, T_VIEW_OF, T_HOLDS, T_CLOSE, T_TOWARDS, T_VALUE, T_NOT,
    T_BETWEEN, T_THIRD, T_OFFICE, T_THIRD_PARTY;
static hashed CLASS_NAMES[7]; /* see … disfavour, by their bit */

static int emit(Kernel *k, hashed term) { return put(&k->around, term.h); }

static int attitude(Kernel *k, Py_ssize_t i, int bit, uint64_t *holders)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n;
    hashed name = CLASS_NAMES[bit];
    if ((1u << bit) & ATTITUDES) {
        for (Py_ssize_t j = i - 1; j >= 0 && j > i - HOLDER; j--) {
            int party = t[j].party >= 0;
            if (!party && !(t[j].classes & THIRD)) continue;
            hashed holder = party ? t[j].name : T_THIRD_PARTY;
            hashed said = joined(joined(holder, blank), name);
            if (emit(k, joined(T_HOLDS, said))) return -1;
            if (i - j <= 2 && party && emit(k, joined(T_CLOSE, said))) return -1;
            *holders |= 1ULL << (party ? t[j].party : NOBODY);
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
    for (uint64_t left = named; left; left &= left - 1) {
        int p = __builtin_ctzll(left);
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
        if (j < 0 || j >= k->tokens.n || k->tokens.at[j].party < 0) continue;
        *holders |= 1ULL << k->tokens.at[j].party;
        return emit(k, joined(T_OFFICE, k->tokens.at[j].name));
    }
    return 0;
}

static int around_party(Kernel *k, Py_ssize_t i)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n;
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

/* the tokens that are parties or words of attitude: which, and what is true of them all */
static int list_telling(Kernel *k, uint64_t *named, uint32_t *every)
{
    const token *t = k->tokens.at;
    Py_ssize_t n = k->tokens.n, m = 0;
    if (make_room(&k->telling.at, &k->telling.room, n + 1, sizeof(int32_t))) return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        k->telling.at[m] = (int32_t)i;
        m += t[i].party >= 0 || t[i].classes;
        *every |= t[i].classes;
        if (t[i].party >= 0) *named |= 1ULL << t[i].party;
    }
    k->telling.n = m;
    return 0;
}

/* where the sentence begins, and whom it names */
static int names(Kernel *k, uint64_t named, uint32_t every)
{
    const token *t = k->tokens.at;
    if (every & CONTRAST && emit(k, T_CONTRAST)) return -1;
    if (!named) return emit(k, T_WITHOUT);
    Py_ssize_t first = 0, third = -1;
    for (Py_ssize_t i = 0; i < k->telling.n; i++) {
        first = k->telling.at[i];
        if (t[first].party >= 0) break;
        if (third < 0 && t[first].classes & THIRD) third = first;
    }
    if (emit(k, joined(T_BEGINS, t[first].name))) return -1;
    hashed names = T_NAMES;
    for (int r = 0, any = 0; r < k->parties; r++) {
        int p = k->rank[r];
        if (!(named >> p & 1)) continue;
        if (any++) names = joined(names, blank);
        names = joined(names, k->party_names[p]);
    }
    return emit(k, names) || (third >= 0 && emit(k, joined(T_ELSEWHERE, t[first].name))) ? -1 : 0;
}

static int views(Kernel *k)
{
    const token *t = k->tokens.at;
    uint64_t holders = 0;
    for (Py_ssize_t j = 0; j < k->telling.n; j++) {
        Py_ssize_t i = k->telling.at[j];
        for (uint32_t left = t[i].classes & (ATTITUDES | FAVOUR | DISFAVOUR); left; left &= left - 1)
            if (attitude(k, i, __builtin_ctz(left), &holders)) return -1;
        if (t[i].classes & OFFICE && office(k, i, &holders)) return -1;
    }
    for (uint64_t left = holders; left; left &= left - 1) {
        int p = __builtin_ctzll(left);
        if (emit(k, joined(T_VIEW_OF, p == NOBODY ? T_THIRD_PARTY : k->party_names[p]))) return -1;
    }
    return holders ? emit(k, T_VIEW) : 0;
}

/* the tokens from the first party on, each on the side of the last party before it */
static int sides(Kernel *k)
{
    const token *t = k->tokens.at;
    Py_ssize_t i = 0;
    while (t[i].party < 0) i++;
    if (make_room(&k->sides.at, &k->sides.room, k->sides.n + k->tokens.n, sizeof(uint64_t))) return -1;
    for (hashed side = {0, 0}; i < k->tokens.n; i++) {
        if (t[i].party < 0) k->sides.at[k->sides.n++] = side.h + side.power * t[i].name.h;
        else {
            side = joined(t[i].name, side_mark);
            if (around_party(k, i)) return -1;
        }
    }
    return 0;
}

/* votes: shares.py */

static void vote(Kernel *k, uint64_t named)
{
    const token *t = k->tokens.at;
    int first = -1, side = -1, several = (named & (named - 1)) || named >> k->joint & 1, where = several ? 0 : named ? 1 : 2;
    uint64_t holders = 0;
    for (Py_ssize_t j = 0; j < k->telling.n; j++) {
        token one = t[k->telling.at[j]];
        if (one.party >= 0) {
            k->mentions[one.party]++;
            if (first < 0) first = one.party;
            side = one.party;
        }
        if (one.classes & THIRD) side = NOBODY;
        if (side >= 0 && one.classes & ATTITUDES) holders |= 1ULL << side;
        if (one.classes & FAVOUR) k->signs[0][where]++;
        if (one.classes & DISFAVOUR) k->signs[1][where]++;
    }
    if (first < 0) k->votes_none++;
    else {
        k->any_party = 1;
        if (several) k->votes_several++;
        else k->named[first]++;
        k->firsts[first]++;
    }
    for (uint64_t left = holders; left; left &= left - 1) k->views[__builtin_ctzll(left)]++;
    if (!holders) k->nobody++;
}

static int read_parties(Kernel *k)
{
    uint64_t named = 0;
    uint32_t every = 0;
    if (list_telling(k, &named, &every) || names(k, named, every) || views(k) || (named && sides(k))) return -1;
    vote(k, named);
    return 0;
}

static double part(const Kernel *k, Py_ssize_t votes) { return votes ? sqrt((double)votes / (double)k->sentences) : 0.0; }

static void shares_of(const Kernel *k, double *out)
{
    int everyone[NOBODY], n = 0;
    Py_ssize_t total = 1, d = 0;
    everyone[n++] = k->joint;
    for (int i = 0; i < k->owns; i++) everyone[n++] = k->own[i];
    for (int p = 0; p < k->parties; p++) total += k->mentions[p];
    out[d++] = part(k, k->votes_none);
    out[d++] = part(k, k->votes_several);
    for (int i = 0; i < k->owns; i++) out[d++] = part(k, k->named[k->own[i]]);
    for (int i = 0; i < n; i++) out[d++] = part(k, k->firsts[everyone[i]]);
    for (int i = 0; i < n; i++) out[d++] = part(k, k->views[everyone[i]]);
    out[d++] = part(k, k->views[NOBODY]);
    out[d++] = part(k, k->nobody);
    for (int s = 0; s < 2; s++)
        for (int w = 0; w < 3; w++) out[d++] = part(k, k->signs[s][w]);
    for (int i = 0; i < n; i++) out[d++] = (double)k->mentions[everyone[i]] / (double)total;
    for (int i = 0; i < n; i++) out[d++] = log1p((double)k->mentions[everyone[i]]);
    out[d++] = log1p((double)k->sentences);
}

