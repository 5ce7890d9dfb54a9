static int64_t line = 1, column = 0; /* of the character that was read last */

/* ends the program with what is wrong, where, and the word that it is about */
static void refuse(int64_t at, const char *what, const char *word, int length) {
    fprintf(stderr, "line %lld", (long long)line);
    if (at > 0)
        fprintf(stderr, ", column %lld", (long long)at);
    fputs(": ", stderr);
    for (int k = 0; k < length; k++)
        if (word[k] > 32 && word[k] < 127)
            putc(word[k], stderr);
        else
            fprintf(stderr, "\\x%02x", (unsigned)(unsigned char)word[k]);
    fprintf(stderr, "%s%s\n", length > 0 ? " " : "", what);
    exit(2);
}

/* the next character; every end of a line is '\n' */
static int next(void) {
    int c = getchar();
    if (c == '\r') {
        c = getchar();
        if (c != '\n' && c != EOF)
            ungetc(c, stdin);
        c = '\n';
    }
    column++;
    return c;
}

static real *longer(real *old, int64_t count) {
    real *const now = (uint64_t)count <= SIZE_MAX / sizeof *now ? realloc(old, (size_t)count * sizeof *now) : NULL;
    if (!now)
        refuse(0, "so many samples do not fit into memory", "", 0);
    return now;
}

/* the number that a word is, the mark aside that some editors write before all else */
static real number(int64_t at, const char *word, int length) {
    if (line == 1 && at == 1 && length > 3 && !strncmp(word, "\xef\xbb\xbf", 3))
        word += 3, length -= 3;
    char *end;
    const real value = TO_REAL(word, &end);
    const int few = length < SHOWN ? length : SHOWN;
    if (strspn(word, "0123456789.+-eE") != (size_t)length || *end)
        refuse(at, "is no number; " USAGE, word, few);
    if (length == WORD)
        refuse(at, "... is too long for a number", word, few);
    if (value - value != 0)
        refuse(at, "is too large a number", word, few);
    return value;
}

/* a line's numbers into `row`; how many there are. `c` is the line's first character, then the one behind it */
static int64_t read_line(int *c, real *row) {
    int64_t count = 0;
    int comma = 0;
    while (*c != '\n' && *c != EOF) {
        if (*c == ' ' || *c == '\t') {
            *c = next();
            continue;
        }
        if (*c == ',') {
            if (!count || comma)
                refuse(column, "there is no number before this comma", "", 0);
            comma = 1;
            *c = next();
            continue;
        }
        char word[WORD + 1];
        int length = 0;
        const int64_t at = column;
        for (; *c != ' ' && *c != '\t' && *c != ',' && *c != '\n' && *c != EOF; *c = next())
            if (length < WORD)
                word[length++] = (char)*c;
        word[length] = 0;
        const real value = number(at, word, length);
        if (count < PER_SAMPLE)
            row[count] = value;
        count++, comma = 0;
    }
    if (comma)
        refuse(column, "there is no number behind the last comma", "", 0);
    return count;
}

/* the samples, one a line; blank lines are passed over */
static int64_t read_samples(void) {
    static real row[PER_SAMPLE];
    int64_t samples = 0, room = 0;
    for (int c = 0; c != EOF; line++) {
        column = 0, c = next();
        const int64_t count = read_line(&c, row);
        if (!count)
            continue;
        if (count != PER_SAMPLE) {
            char what[200];
            snprintf(what, sizeof what, "%lld number%s; " USAGE, (long long)count, count == 1 ? "" : "s");
            refuse(0, what, "", 0);
        }
        if (samples == room) {
            room = room ? 2 * room : 64;
GROWN
        }
STORED
        samples++;
    }
    if (ferror(stdin))
        perror("standard input"), exit(2);
    if (!samples)
        fputs("there are no samples; " USAGE "\n", stderr), exit(2);
    return samples;
}
