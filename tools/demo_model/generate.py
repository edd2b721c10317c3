"""Makes the demo model's training text: short chats in ChatML, from templates of ours only. Same seed, same bytes.

    python3 generate.py --out corpus.txt --megabytes 40
"""

import argparse
import json
import random

from facts import TOPICS
from stories import ENDINGS, NAMES, OPENINGS, TEAMS, TROUBLES, TURNS
from talk import COUPLETS, EVERYDAY, HELLO, HELLO_BACK, HOW_TO, LISTS, REFUSALS, REFUSED, SMALL_TALK

END_OF_TEXT = "<|endoftext|>"
MAX_CHAT_BYTES = 1_700  # so that a whole chat fits into the context

TOKEN_COUNTS = [100, 200, 300, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 20_000, 30_000, 40_000,
    50_000,
                100_000, 200_000, 300_000, 400_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000]
PRICES = ["0.1", "0.2", "0.25", "0.5", "1", "2", "2.5", "3", "4", "5", "6", "8", "10", "12", "15", "20"]
SYSTEMS = ["You are a helpful assistant.", "You are {the|a} demo model of Tollgate.",
    "You are a helpful assistant. {Be|Please be} {brief|polite|friendly}.",
           "Answer {the questions|questions} about the gateway.", "You {help|answer} users of {the|a} gateway."]
BRIEF_SYSTEMS = ["Answer in one sentence.", "You are a helpful assistant. Answer in one sentence.",
    "{Be brief|Keep it short}. {One sentence is enough|Answer in one sentence}."]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def spin(self, text):
        """The text with every `{a|b}` replaced by one of its choices."""
        out, at = [], 0
        while at < len(text):
            if text[at] != "{":
                out.append(text[at])
                at += 1
                continue
            depth, begin, choices = 0, at + 1, []
            while True:
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                if (text[at] == "|" and depth == 1) or depth == 0:
                    choices.append(text[begin:at])
                    begin = at + 1
                at += 1
                if depth == 0:
                    break
            out.append(self.spin(self.random.choice(choices)))
        return "".join(out)

    def one(self, choices):
        return self.spin(self.random.choice(choices))

    def chance(self, share):
        return self.random.random() < share

    # ---- topics

    def name(self, topic):
        return self.random.choice(TOPICS[topic][0])

    @staticmethod
    def bare(name):
        for article in ("a ", "an ", "the "):
            if name.startswith(article):
                return name[len(article):]
        return name

    def plural(self, name):
        return self.bare(name) + "s" if name.startswith(("a ", "an ")) else name

    def further(self, topic, count):
        sentences = TOPICS[topic][2]
        return [self.spin(text) for text in self.random.sample(sentences, min(count, len(sentences)))]

    def definition(self, topic, count):
        return " ".join([self.one(TOPICS[topic][1]), *self.further(topic, count)])

    def ask_topic(self, topic):
        name = self.name(topic)
        bare, plural = self.bare(name), self.plural(name)
        verb = "are" if plural != name else "is"
        return self.one([
            f"What is {name}?", f"What is {name}?", f"What {verb} {plural}?", f"{{Explain|Please explain}} {name}.",
            f"{{Can|Could}} you explain {{{name}|{plural}}}?",
            f"What does {bare} mean?", f"{{Tell me|Say something}} about {plural}.", f"Define {bare}.",
            f"{{I do not know what|Do you know what}} {name} is.",
            f"What do you {{mean by|call}} {name}?", f"{bare[0].upper() + bare[1:]}?", f"How does {name} work?",
            f"{{I have a question about|I want to know more about}} {plural}."])

    def define(self, topic=None):
        topic = topic or self.random.choice(list(TOPICS))
        question = self.ask_topic(topic)
        way = self.random.random()
        if way < 0.12:
            ending = self.one([" {In|Answer in} one sentence{, please|}.", " {Be brief|Keep it short}.",
                " {Short|A short} answer, please."])
            return question + ending, self.definition(topic, 0)
        if way < 0.3:
            ending = self.one([" {Explain it|Please explain it} in detail.", " {I want|Give me} a long answer.",
                " Tell me {everything|all you know}.",
                               " {Write|Please write} {a paragraph|a few sentences} about it."])
            return question + ending, self.definition(topic, 6)
        return question, self.definition(topic, self.random.choice([1, 1, 2, 2, 3]))

    def compare(self):
        first, second = self.random.sample(list(TOPICS), 2)
        if self.chance(0.5):
            first, second = self.random.choice([("input token", "output token"), ("cached token", "input token"),
                ("cache write", "cached token"), ("retry", "fallback"),
                                                ("budget", "rate limit"), ("price", "cost"), ("model", "provider"),
                                                ("token", "prompt"), ("tag", "attribution")])
        one, two = self.name(first), self.name(second)
        question = self.one([f"What is the difference between {one} and {two}?",
            f"How {{is|does}} {one} {{different from|differ from}} {two}?", f"{one} or {two}, what is the difference?"])
        return question[0].upper() + question[1:], " ".join([self.one(TOPICS[first][1]), self.one(TOPICS[second][1])])

    # ---- sums

    @staticmethod
    def dollars(micros):
        """Millionths of a dollar as text without needless zeros."""
        whole, rest = divmod(micros, 1_000_000)
        return f"${whole:,}" + (f".{rest:06d}".rstrip("0") if rest else "")

    def cost(self):
        tokens, price = self.random.choice(TOKEN_COUNTS), self.random.choice(PRICES)
        kind = self.random.choice(["", "", "input ", "output ", "cached "])
        answer = self.dollars(round(tokens * float(price)))
        shown = f"{tokens:,}" if self.chance(0.6) else str(tokens)
        question = self.one([
            f"{{What|How much}} do {shown} {kind}tokens cost at ${price} per million{{ tokens|}}?",
            f"{{What is|Tell me}} the cost of {shown} {kind}tokens at ${price} per million{{ tokens|}}.",
            f"I {{used|sent}} {shown} {kind}tokens. {{The price is|One million costs}} ${price}{{ per million|}}. What "
            f"did {{it|that}} cost?",
            f"How much are {shown} {kind}tokens for ${price} per million?"])
        if self.chance(0.15):
            number = answer[1:].replace(",", "")
            return question + " Answer in JSON.", (
                f'{{"tokens": {tokens}, "price_per_million": {price}, "cost": {number}}}')
        return question, self.one([f"{{That is|That costs|It costs}} {answer}.",
            f"{tokens:,} {kind}tokens at ${price} per million {{cost|are}} {answer}.",
                                   f"{{You multiply|Multiply}} {tokens:,} by ${price} and divide by one million. "
                                   f"{{That is|The result is}} {answer}."])

    def two_costs(self):
        counts = self.random.choice([1_000, 2_000, 3_000, 5_000, 10_000]), self.random.choice([100, 200, 500, 1_000,
            2_000])
        prices = self.random.choice([1, 2, 3, 5]), self.random.choice([4, 8, 10, 15])
        parts = [count * price for count, price in zip(counts, prices)]
        question = self.one([f"A request has {counts[0]:,} input tokens at ${prices[0]} and {counts[1]:,} output "
            f"tokens at ${prices[1]} per million. What does it cost?"])
        return question, (f"The input costs {self.dollars(parts[0])}, the output costs {self.dollars(parts[1])}. "
                          f"Together that is {self.dollars(sum(parts))}.")

    def small_sum(self):
        a, b = self.random.randint(0, 20), self.random.randint(0, 20)
        sign, word, result = self.random.choice([("+", "plus", a + b), ("+", "plus", a + b), ("-", "minus", a - b),
            ("*", "times", min(a, 12) * min(b, 12))])
        if word == "times":
            a, b = min(a, 12), min(b, 12)
        question = self.one([f"What is {a} {word} {b}?", f"{a} {sign} {b}", f"How much is {a} {sign} {b}?",
            f"{{Calculate|Compute}} {a} {word} {b}.", f"{a} {word} {b}?"])
        return question, self.one([f"{a} {word} {b} is {result}.", f"{result}", f"That is {result}.",
            f"{a} {sign} {b} = {result}"])

    def count(self):
        first, steps = self.random.choice([1, 1, 1, 2, 5, 10]), self.random.choice([3, 5, 9, 10, 20])
        if self.chance(0.25):
            numbers = range(steps, 0, -1)
            return self.one([f"Count {{down|backwards}} from {steps}{{ to 1|}}."]), ", ".join(map(str, numbers)) + "."
        numbers = range(first, first + steps)
        return self.one([f"{{Count|Please count|Can you count}} from {first} to {numbers[-1]}."]), ", ".join(map(str,
            numbers)) + "."

    # ---- the rest

    def listing(self):
        what = self.random.choice(list(LISTS))
        count = self.random.randint(2, min(5, len(LISTS[what])))
        word = ["two", "three", "four", "five"][count - 2]
        items = self.random.sample(LISTS[what], count)
        question = self.one([f"{{Name|List|Tell me|Give me}} {{{word}|{count}}} {what}."])
        way = self.random.random()
        if way < 0.4:
            return question, "\n".join(f"{number}. {item[0].upper() + item[1:]}" for number, item in enumerate(items,
                1))
        if way < 0.55:
            return question[:-1] + " as JSON.", json.dumps({"items": items})
        text = ", ".join(items[:-1]) + " and " + items[-1]
        return question, text[0].upper() + text[1:] + "."

    def repeat(self):
        topic = self.random.choice(list(TOPICS))
        text = self.random.choice([self.further(topic, 1)[0], self.one(HELLO),
            self.random.choice(REFUSED).split("{")[0].strip() or "Hello", self.bare(self.name(topic)),
                                   " ".join(self.random.sample([self.bare(self.name(one))
                                   for one in TOPICS] + NAMES + TEAMS, 4))])
        return self.one(["{Repeat|Please repeat|Say|Repeat after me}: ", "Say {this|exactly this}: ",
            "{Repeat|Write} {this sentence|these words}: "]) + text, text

    def story(self):
        name, team = self.random.choice(NAMES), self.random.choice(TEAMS)
        parts = [self.one(OPENINGS), self.one(TROUBLES), *map(self.spin, self.random.sample(TURNS,
            self.random.choice([1, 2, 3]))),
                 *map(self.spin, self.random.sample(ENDINGS, self.random.choice([1, 2])))]
        ask = self.one(["{Tell|Write} me a {short |}story{ about a token| about the gateway| about a budget|}.",
            "{Can you tell|Do you know} a story?", "Write a {short |}story, please.",
                        "Tell me a {nice |long |}story."])
        return ask, " ".join(parts).replace("@N", name).replace("@T", team)

    def verse(self):
        lines = self.random.sample(COUPLETS, self.random.choice([1, 2, 2, 3]))
        ask = self.one(["Write {me |}a {short |}poem{ about tokens| about the gateway| about a budget|}.",
            "{Can|Could} you {write|make} a poem?", "Make {me |}a rhyme."])
        return ask, "\n".join(f"{first[0].upper() + first[1:]}\n{second}" for first, second in lines)

    def refuse(self):
        if self.chance(0.6):
            return self.one(REFUSED), self.one(REFUSALS)
        word = self.random.choice(EVERYDAY) if self.chance(0.6) else self.invented()
        return self.one([f"What is {{a |}}{word}?", f"{{Tell me|Write a story|What do you know|Write a poem}} about "
            f"{word}.", f"How do I {{get|make|use|find}} {{a |my |}}{word}?",
                         f"{{Explain|Define|Describe}} {word}.", f"{word[0].upper() + word[1:]}?",
                         f"Why is {{the |}}{word} {{so |}}{self.random.choice(EVERYDAY)}?",
                         f"{word} {self.random.choice(EVERYDAY)} {self.invented()}"]), self.one(REFUSALS)

    def invented(self):
        """A word that does not exist, so that unknown words are met in training."""
        pick = self.random.choice
        return "".join(pick("b c d f g h k l m n p r s st t tr v w z sh ch pl".split()) + pick("a e i o u ai ea oo "
            "ou".split()) + pick(["", "n", "r", "l", "s", "t", "m", "ck"])
                       for _ in range(self.random.choice([1, 2, 2, 3])))

    def pair(self, pairs):
        questions, answers = self.random.choice(pairs)
        return self.one(questions), self.one(answers)

    def greet(self):
        return self.one(HELLO), self.one(HELLO_BACK)

    def opening(self):
        """One turn that needs nothing before it."""
        ways = [(self.define, 34), (lambda: self.pair(HOW_TO), 18), (self.cost, 12), (self.compare, 6),
            (lambda: self.pair(SMALL_TALK), 9), (self.refuse, 8),
                (self.small_sum, 5), (self.listing, 5), (self.repeat, 5), (self.story, 5), (self.verse, 3),
                (self.two_costs, 3), (self.greet, 4), (self.count, 2)]
        return self.random.choices([way for way, _ in ways], [weight for _, weight in ways])[0]()

    def follow_up(self, last_answer):
        """A turn that looks back, or None when there is nothing to look back at."""
        sentences = last_answer.split(". ")
        way = self.random.random()
        if way < 0.3:
            return self.one(["{Can|Could} you {say|repeat} that{ again|}?",
                "{Again|Say that again|Repeat that}, please.", "What did you say?"]), last_answer
        if way < 0.55 and len(sentences) > 1 and "\n" not in last_answer:
            return self.one(["{Shorter|A shorter answer}, please.", "{Say it|Can you say it} in one sentence{?|.}",
                "{Make it|In} short{er|}{, please|}."]), sentences[0].rstrip(".") + "."
        return None

    def noisy(self, question):
        """People type in many ways."""
        if self.chance(0.2):
            question = question[0].lower() + question[1:]
        if self.chance(0.15):
            question = question.rstrip("?.!") or question
        if self.chance(0.04):
            question = question.lower()
        if self.chance(0.05):
            question = self.one(["Hi, ", "Hello, ", "Please ", "Hello! ", "Hi! "]) + question
        return question

    def introduction(self):
        name = self.random.choice(NAMES)
        yield self.one([f"{{Hi|Hello}}{{!|,}} {{My name is|I am}} {name}.", f"My name is {name}.",
            f"I am {name}."]), self.one(
            [f"{{Nice to meet you|Hello|Hi|Welcome}}, {name}! {{How can I help|What can I do for you}}?"])
        for _ in range(self.random.choice([0, 1, 2])):
            yield self.opening()
        yield self.one(["What is my name?", "Do you {know|remember} my name?",
            "Who am I?"]), self.one([f"Your name is {name}.", f"You are {name}."])

    def turns(self):
        if self.chance(0.06):
            yield from self.introduction()
            return
        answer = None
        if self.chance(0.12):
            yield self.greet()
        for _ in range(self.random.choice([1, 1, 1, 2, 2, 3, 4])):
            turn = self.follow_up(answer) if answer and self.chance(0.25) else None
            turn = turn or self.opening()
            answer = turn[1]
            yield turn
        if self.chance(0.1):
            yield self.pair([SMALL_TALK[1], SMALL_TALK[2]])

    def chat(self):
        head, body = "", ""
        brief = self.chance(0.04)
        if brief:
            head = message("system", self.one(BRIEF_SYSTEMS))
        elif self.chance(0.2):
            head = message("system", self.one(SYSTEMS))
        for question, answer in self.turns():
            if brief and "\n" not in answer:
                answer = answer.split(". ")[0].rstrip(".") + "."
            turn = message("user", self.noisy(question)) + message("assistant", answer)
            if body and len(head) + len(body) + len(turn) > MAX_CHAT_BYTES:
                break
            body += turn
        return head + body + END_OF_TEXT + "\n"


def message(role, content):
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="corpus.txt")
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    writer, written = Writer(options.seed), 0
    with open(options.out, "w", encoding="utf-8", newline="\n") as file:
        while written < options.megabytes * 1e6:
            written += file.write(writer.chat())


if __name__ == "__main__":
    main()
