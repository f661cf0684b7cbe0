/* Unicode properties by the names of ECMA-262 (tables 67 to 70), where PCRE2 has other names and more. */
#include <stdio.h>
#include <string.h>

#include "server/schema/pattern_ecma.h"

/* Categories: the long name, then the short one that PCRE2 knows. */
static const char *const CATEGORIES[][2] = {
    {"Letter", "L"},
    {"Cased_Letter", "L&"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Unassigned", "Cn"},
    {"Private_Use", "Co"},
};
static const char *const BINARIES[] = {
    "Any",
    "ASCII",
    "Alphabetic",
    "Alpha",
    "Lowercase",
    "Lower",
    "Uppercase",
    "Upper",
    "Math",
    "White_Space",
    "space",
    "Dash",
    "Hex_Digit",
    "Hex",
    "ASCII_Hex_Digit",
    "AHex",
    "ID_Start",
    "IDS",
    "ID_Continue",
    "IDC",
    "XID_Start",
    "XIDS",
    "XID_Continue",
    "XIDC",
    "Emoji",
    "Emoji_Component",
    "Emoji_Presentation",
    "Emoji_Modifier",
    "Ideographic",
    "Ideo",
    "Extended_Pictographic",
    "Emoji_Modifier_Base",
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *category(const char *name)
{
    for (size_t i = 0; i < COUNT(CATEGORIES); i++) {
        const char *code = CATEGORIES[i][1];
        bool is_short = strcmp(name, code) == 0 && strcmp(code, "L&") != 0;
        if (is_short || strcmp(name, CATEGORIES[i][0]) == 0) {
            return code;
        }
    }
    return strcmp(name, "LC") == 0 ? "L&" : NULL;
}

static bool is_binary(const char *name)
{
    for (size_t i = 0; i < COUNT(BINARIES); i++) {
        if (strcmp(name, BINARIES[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool gh_pattern_property(char *text, char sign, gh_pattern_atom *atom)
{
    char *value = strchr(text, '=');
    const char *name = NULL;
    const char *kind = "";
    if (value != NULL) {
        *value++ = '\0';
    }
    if (value == NULL) {
        name = is_binary(text) ? text : category(text);
    } else if (strcmp(text, "gc") == 0 || strcmp(text, "General_Category") == 0) {
        name = category(value);
    } else if (strcmp(text, "sc") == 0 || strcmp(text, "Script") == 0) {
        name = value;
        kind = "sc:";
    } else if (strcmp(text, "scx") == 0 || strcmp(text, "Script_Extensions") == 0) {
        name = value;
        kind = "scx:";
    }
    if (name == NULL || name[0] == '\0') {
        return false;
    }
    (void)snprintf(atom->property, sizeof atom->property, "\\%c{%s%s}", sign, kind, name);
    atom->set = atom->property;
    return true;
}
