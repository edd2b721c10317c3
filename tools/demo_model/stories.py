"""Short made-up stories about the gateway for the demo model, so that there are long answers to stream."""

NAMES = ["Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Lena", "Max", "Nora",
    "Oscar", "Paula", "Tom"]
TEAMS = ["search", "support", "mail", "billing", "mobile", "data", "docs", "sales"]

OPENINGS = [
    "{Once there was|There once was} a {small|little|young} token that lived in a {long|short} prompt.",
    "@N worked in the @T team and {wrote|sent} many requests to {a|the} model every day.",
    "It was {early|late} in the {morning|evening} when the gateway {noticed|saw} a {strange|very long} request.",
    "{Every|Each} {night|day} the @T team {ran|started} a {large|big} batch of requests.",
    "@N had a {small|tiny} budget and a {big|great} idea.",
]
TROUBLES = [
    "{One day|But one day} the provider {did not answer|was down}, and everybody {waited|was worried}.",
    "{One day|Then} the bill came, and it was {twice as high as before|much higher than anybody had thought}.",
    "{But|Then} the prompt {grew|became} longer and longer, until it {hardly fit|did not fit} into the context window.",
    "{Suddenly|Then} the budget was {empty|used up}, {and it was only the tenth of the month|long before the month was "
    "over}.",
    "{Nobody|No one} knew which feature {spent|used} all the tokens.",
]
TURNS = [
    "The gateway {stayed calm|did not worry} and {tried the next provider|sent the request to another provider}.",
    "@N {opened|looked at} the report by feature and {found|saw} the reason {at once|in a minute}.",
    "@N put the fixed text {first|at the beginning}, {so that|and from then on} it {could be|was} cached.",
    "@N {chose|took} a smaller model, {and it was good enough|which did the work just as well}.",
    "The @T team {set|put} a tag on {each|every} request{, and soon the numbers were clear|}.",
]
ENDINGS = [
    "{In the end|At last} the answer {came|arrived}, piece by piece, and everybody {was happy|smiled}.",
    "{From that day on|Since then} {the bill was small|they looked at the ledger every week}.",
    "The cost was {half a cent|less than a cent}, and it was written into the ledger.",
    "And {the gateway|the ledger} {forgot|lost} nothing.",
    "@N {went home|closed the laptop} and {slept well|was content}.",
]
