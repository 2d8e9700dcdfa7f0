package dev.outrider.checkpoints.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateTest {
    private static final LocalDateTime NOW = LocalDateTime.of(2026, 3, 4, 5, 6, 7);

    private static String render(String template, Map<String, ?> variables) {
        return Template.parse(template).render(variables, NOW).text();
    }

    private static String render(String template) {
        return render(template, Map.of());
    }

    /** As Python and Jinja have it; what is expected was written down from their documentation. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            value = {
                "{{ 1e16 }} {{ 0.1 }} {{ 1.0 }} {{ 1e-5 }} {{ 123456789.0 * 10 }} @1e+16 0.1 1.0 1e-05 1234567890.0",
                "{{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} @-4 2 0.5 3.0",
                "{{ [1, 2, 3, 4][::2] }} {{ 'abcd'[::-1] }} {{ 'abc'[-2:] }} {{ [1, 2, 3][5:] }} @[1, 3] dcba bc []",
                "{{ 'it' ~ \"'s\" }} {{ [\"it's\", 'a\"b', 'a\\n'] }} @it's [\"it's\", 'a\"b', 'a\\n']",
                "{{ (1,) }} {{ (1, 2) }} {{ () }} {{ {} }} {{ {'a': none} }} @(1,) (1, 2) () {} {'a': None}",
                "{{ 'x' if 1 == 1.0 and True == 1 }} {{ 'a' < 'b' < 'c' }} {{ 3 not in [1, 2] }} @x True True",
                "{{ 'a.b.c'.split('.', 1) }} {{ 'a b  c'.split() }} {{ 'a.b.c'.rsplit('.', 1) }} @['a', 'b.c'] ['a', 'b', 'c'] ['a.b', 'c']",
                "{{ '{} and {x}'.format(1, x='y') }} {{ '%05.1f|%3d|%-3s|' % (2.55, 7, 'a') }} @1 and y 002.5|  7|a  |",
                "{{ 'hello world'.title() }} {{ 'aXb'.swapcase() }} {{ 'x'.center(4) }}| {{ '7'.zfill(3) }} @Hello World AxB  x  | 007",
                "{{ [3, 1, 2] | sort }} {{ ['b', 'A'] | sort }} {{ [1, 2] | sum }} {{ [1, 1, 2] | unique | list }} @[1, 2, 3] ['A', 'b'] 3 [1, 2]",
                "{{ {'b': 1, 'a': 2} | dictsort }} {{ {'a': 1}.items() | list }} @[('a', 2), ('b', 1)] [('a', 1)]",
                "{{ [{'a': 1}, {'a': 2}] | map(attribute='a') | join('-') }} {{ ['a', 'b'] | map('upper') | list }} @1-2 ['A', 'B']",
                "{{ [1, 2, 3, 4] | select('odd') | list }} {{ [0, 1, ''] | reject | list }} @[1, 3] [0, '']",
                "{{ '12' | int + 1 }} {{ 'x' | int(5) }} {{ 2.567 | round(2) }} {{ '3.7' | int }} @13 5 2.57 3",
                "{{ x is defined }} {{ x is not defined }} {{ 4 is divisibleby 2 }} {{ 'a' is in ['a'] }} @False True True True",
                "{{ ('a' ~ '\\n' ~ 'b') | indent(2) | replace('\\n', '/') }} @a/  b",
                "{{ '👋a'[0] }} {{ '👋a' | length }} @👋 2",
                "{% set a, b = 1, 2 %}{{ a + b }} {% set t %}x{{ a }}{% endset %}{{ t | upper }} @3 X1",
                "{% with a = 1 %}{{ a }}{% endwith %}{{ a }} {% filter upper %}b{% endfilter %} @1 B",
                "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(2) %}{{ y * 2 }}{% endcall %}@<4>",
                "{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}@a=1",
                "{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{{ loop.cycle('x', 'y') }};{% endfor %}@Truex;Falsey;Truex;",
                "{{ strftime_now('%d %b %Y %-d %H:%M:%S') }} @04 Mar 2026 4 05:06:07",
                "{{ {'a': [1, 2.0, none, true]} | tojson }} @{\"a\": [1, 2.0, null, true]}",
                "{{ 'é' | tojson }} {{ 'é' | tojson(ensure_ascii=true) }} @\"é\" \"\\u00e9\"",
                "{{ none | selectattr('a') | list }} {{ strftime_now('%B %A') }} @[] March Wednesday",
                "{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }} @{\"a\":2,\"b\":1}",
            })
    void printsAsPython(String template, String expected) {
        assertThat(render(template).strip()).isEqualTo(expected.strip());
    }

    @Test
    void marksOfGeneration() {
        String template = "a{% generation %}b{{ 'c' }}{% endgeneration %}d{% generation %}{% endgeneration %}";
        Template.Output output = Template.parse(template).render(Map.of(), NOW);
        assertThat(output.text()).isEqualTo("abcd");
        assertThat(output.marks()).containsExactly(new Template.Span(1, 3), new Template.Span(4, 4));
        assertThat(output.marksLost()).isFalse();
        String inside = "{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}";
        assertThat(Template.parse(inside).render(Map.of(), NOW).marksLost()).isTrue();
    }

    private static void fails(String template, int line, String said) {
        assertThatThrownBy(() -> render(template, Map.of("m", List.of())))
                .as(template)
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining(said)
                .satisfies(e -> assertThat(((TemplateException) e).line()).isEqualTo(line));
    }

    @Test
    void saysWhatIsWrongAndWhere() {
        fails("a\n{{ 1 + }}", 2, "'}}'");
        fails("a\n{% if x %}\nb", 3, "endif");
        fails("{% nonsense %}", 1, "unknown tag 'nonsense'");
        fails("a\n\n{{ 1 | nonsense }}", 3, "No filter named 'nonsense'");
        fails("{{ 1 is nonsense }}", 1, "No test named 'nonsense'");
        fails("{{ 'x'.nonsense() }}", 1, "'nonsense'");
        fails("x\n{{ raise_exception('not so') }}", 2, "not so");
        fails("{{ missing.member }}", 1, "'missing' is undefined");
        fails("{{ 'a' + 1 }}", 1, "'str' and 'int'");
        fails("{{ 1 / 0 }}", 1, "division by zero");
        fails("{{ m.append(1) }}", 1, "append");
        fails("{{ ''.__class__ }}{{ ''.__class__.__mro__ }}", 1, "__class__");
        fails("{% break %}", 1, "outside a loop");
        fails("{{ 'open", 1, "without its end");
        fails("{# open", 1, "comment");
        fails("{{ 9223372036854775807 + 1 }}", 1, "64 bits");
    }

    /** Whatever a template does, it ends, and in little memory. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "{{ range(10 ** 12) }}",
                "{{ 'a' * 10 ** 12 }}",
                "{{ [1] * 10 ** 12 }}",
                "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
                "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
                "{% for i in range(99999) %}{{ 'aaaaaaaaaa' * 1000 }}{% endfor %}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{{ 'a'.center(10 ** 12) }}",
                "{{ '%999999999d' % 1 }}",
                "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
                "{{ 9 ** 9 ** 9 }}",
            })
    void ends(String template) {
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
    }

    @Test
    void deepNestingIsRefused() {
        for (String template : List.of(
                "{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}",
                "{{ " + "-".repeat(5000) + "1 }}",
                "{% if 1 %}".repeat(5000) + "{% endif %}".repeat(5000),
                "{{ 1" + " + 1".repeat(200_000) + " }}")) {
            assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
        }
    }
}
