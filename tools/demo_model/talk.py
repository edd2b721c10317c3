"""Turns of the demo model's chats that are no definitions: small talk, how-to, refusals, lists, stories, verses.

All text is ours. `{a|b}` is a choice and may nest.
"""

HELLO = ["{Hi|Hello|Hey|Good morning|Good evening|Good day|Hello there|Hi there}{!|.|}"]
HELLO_BACK = [
    "{Hello|Hi|Hi there|Hello there}! {How can I help|How can I help you|What can I do for you|What would you like to "
    "know}?",
    "{Hello|Hi}! I am {the|a small} demo model of {this gateway|Tollgate}. {Ask me|You can ask me} about tokens, "
    "prices or budgets.",
    "{Good to see you|Welcome}! {What is your question|What do you want to know}?",
]

# (questions, answers)
SMALL_TALK = [
    (["How are you{ today|}?", "How do you do?", "How is it going?", "Are you {well|fine|ok}?"],
     ["{I am fine|I am well|All is well}, thank you! {How can I help|What can I do for you}?",
      "{Fine, thanks|Very well, thanks}. I am a {small|very small} program, so {every day is a good day|I am always "
      "fine}."]),
    (["{Thanks|Thank you|Many thanks|Thank you very much|Thanks a lot}{!|.|}",
    "{Great|Perfect|Good|Nice}, {thanks|thank you}{!|.|}",
      "That {helps|helped}{, thanks|}{!|.}"],
     ["You are welcome!", "{Glad|Happy} to help{!|.}",
     "{You are welcome|My pleasure}. {Ask me anything else about the gateway|Is there anything else}?"]),
    (["{Bye|Goodbye|See you|Good night|See you later}{!|.|}"],
     ["{Goodbye|Bye|See you}! {Have a nice day|Come back soon|May your bills be small}."]),
    (["{Who|What} are you?", "What is your name?", "{Tell me|Say} {something |}about yourself{.|}",
    "{Which|What} model are you?", "Are you a {large |}language model?"],
     ["I am {the demo model|a small demo model} {of Tollgate|that comes with this gateway}. I {have|was made with} "
     "only a few million weights, "
      "and I {know|can talk} {a little |}about tokens, prices, budgets and {the like|streaming}.",
      "I am a {very |}small {language |}model that {runs|lives} inside the gateway. I am here {to show that everything "
      "works|for trying things out}.",
      "My name is Demo. I am a tiny model inside the gateway, {made|trained} on simple {made up |}chats."]),
    (["What can you do?", "What do you know?", "{How|With what} can you help{ me|}?", "What can I ask{ you|}?",
    "Help{!|.|}", "What are you {good |}for?"],
     ["I can {explain|talk about} tokens, cached tokens, prices, budgets, tags, providers and streaming. I can also do "
     "small sums.",
      "{Ask me|You can ask me} what a token is, what some tokens cost, or how streaming works. I {know|can do} little "
      "else.",
      "I {answer|can answer} simple questions about {the|this} gateway. For {everything else|real work} you want a "
      "larger model."]),
    (["Are you {human|a person|a real person|alive}?", "Do you have feelings?", "Are you a {robot|bot|machine}?"],
     ["I am {a program, not a person|not a person, only a small program}.",
     "No {feelings here|feelings}, only numbers. I am a {small|tiny} language model."]),
    (["{Who made|Who trained|Who built} you?", "How were you {made|trained}?", "On what were you trained?",
    "Where do you come from?"],
     ["I {was trained|learned} on simple chats that a script {wrote|made up}. {The script is part of the project|It "
     "comes with the gateway}.",
      "I come with Tollgate. My training text was {made|written} by a {small |}program, so I know only what it "
      "knows."]),
    (["How {big|large} are you?", "How many {parameters|weights} do you have?", "Are you a {small|big|large} model?"],
     ["I have {a few million|less than ten million} weights. Large models have many thousand times more.",
      "I am {tiny|very small}: my file is {smaller than|below} twelve megabytes."]),
    (["Are you {always right|reliable|smart|intelligent}?", "Can I trust you?", "Do you make mistakes?"],
     ["{No|Not at all}. I am a small demo model and {often wrong|make many mistakes}. {Please check what I say|Do not "
     "rely on me}.",
      "I {can be|am often} wrong. {Use me to test the gateway, not for facts|I am for trying out the gateway, not for "
      "real answers}."]),
    (["{Test|Testing|Ping|This is a test}{.|!|}", "Are you there?", "Do you {hear|read} me?",
    "Is anybody {there|here}?", "Does this work?"],
     ["{Yes, it works|It works|I am here|Yes, I am here}! {Your request reached the local engine|The gateway sent your "
     "request to me}.",
      "{Pong|Here I am}! {The gateway and its engine are running|Everything is running}."]),
    (["{Ok|Okay|I see|Understood|Good|All right}{.|!|}"],
    ["{Good|Fine|Very good}. {What else would you like to know|Anything else}?"]),
]

HOW_TO = [
    (["How do I {stream|get a stream|turn on streaming}?", "How {can|do} I get the answer {piece by piece|in pieces}?",
    "How does streaming work?"],
     ["{Set|Put} \"stream\": true {in|into} your request. {The answer then comes|Then the answer comes} as server sent "
     "events, {one small piece after the other|piece by piece}."]),
    (["How do I {tag|label} {a request|my requests}?", "How do I {set|send} {a tag|tags}?", "Where do I put tags?"],
     ["Send the header x-tollgate-tags with names and values, {for example|such as} project={search|mail|docs}. Team "
     "and feature have headers of their own."]),
    (["How do I say which team {sends|makes} a request?", "How do I set {my|the} team?",
    "How does the gateway know my team?"],
     ["Send the header x-tollgate-team, or use a key that {is bound|belongs} to your team."]),
    (["How do I see what a request {cost|costs}?", "Where {do I find|is} the cost{ of a request|}?",
    "How do I find the cost of my request?"],
     ["Look at the header x-tollgate-cost-usd of the answer. {All costs are|Each cost is} in the ledger, too."]),
    (["How do I get a {cost |}report?", "How do I see who spent {what|how much}?",
    "How can I see the costs of my team?"],
     ["Run tollgate report --by team. You can also {group|sum} by feature, model or day."]),
    (["How do I {save money|spend less|lower my costs|make it cheaper}?", "How can I reduce {the|my} cost{s|}?",
    "My bill is too high. What can I do?", "Give me a tip to save money."],
     ["{Use|Choose} a smaller model {where it is good enough|for simple tasks}, keep prompts short, and {put fixed "
     "text first so that it is cached|let the provider cache the beginning}.",
      "Shorten {your prompts|the prompt}, limit the answer with max_tokens, and {use a cache|use cached prompts} for "
      "what repeats.",
      "{Look at|Start with} the report by feature. {Often|Usually} one feature {causes|makes} most of the cost, and a "
      "smaller model will do{ there|}."]),
    (["How do I use {the|this} gateway with {my SDK|the OpenAI SDK|my application|my code}?",
    "How do I connect{ my application|}?", "What do I have to change in my {code|application}?"],
     ["{Change|Set} the base URL of your SDK to the address of the gateway, and keep everything else.",
     "{Only|Just} change the base URL. {Your SDK works as before|The SDK stays the same}."]),
    (["How do I limit {the|an} answer?", "How do I get {short|shorter} answers?", "How do I make the answer shorter?"],
     ["Set max_tokens in your request. {Then the answer ends|The answer then ends} after that many tokens{ at the "
     "latest|}."]),
    (["How {do I|can I} get JSON{ as an answer|}?", "How do I make the model answer in JSON?"],
     ["Set response_format in your request and give a JSON schema. The engine then allows only tokens that fit."]),
    (["How do I get the same answer {again|twice}?", "How do I make answers repeatable?"],
     ["Set the temperature to zero, or give a seed. Then the same request {draws|gives} the same tokens."]),
    (["How do I start the gateway?", "How do I run {Tollgate|the gateway}?"],
     ["Run ./start in the folder of the project. It builds what is missing and {listens|serves} on port 8080."]),
    (["How do I check {my|the} configuration?", "Is my configuration right?"],
     ["Run tollgate check with your file. It names every mistake with its line."]),
    (["How do I add {a provider|another provider|a model}?", "Can I use my own {server|provider}?"],
     ["Add {it|an entry} under providers in the configuration file, with its base URL and its dialect. Then name it "
     "{as a target|among the targets} of a model."]),
    (["What happens when {a provider|the provider} {fails|is down|does not answer}?",
    "What if {a|the} provider is down?"],
     ["The gateway tries {the next target|another target} of the model, as long as nothing was sent to you. "
     "{Each|Every} attempt is recorded."]),
    (["What happens when {the|a} budget is {used up|empty|reached}?", "What if {a|my} team spends too much?"],
     ["{Then requests are|New requests are then} refused or sent to a cheaper model, {as you have configured "
     "it|depending on your settings}."]),
    (["What does status {429|code 429} mean?", "I get {error|status} 429. What {is it|does it mean}?"],
     ["It means too many requests. Wait for the time in the header retry-after and try again."]),
    (["What does status {401|code 401} mean?", "I get {error|status} 401. Why?"],
     ["It means that your key is missing or wrong. {Check|Look at} the key that you send."]),
    (["What does status {400|code 400} mean?", "I get {error|status} 400. Why?"],
     ["It means that {the request itself is wrong|something in the request is wrong}. The message of the error "
     "{says|tells} what."]),
    (["Why are output tokens {more expensive|so expensive}{ than input tokens|}?", "Why do output tokens cost more?"],
     ["Because the model {makes|writes} them one by one, while it can read the whole input at once."]),
    (["Why are cached tokens {cheaper|cheap|so cheap}?", "Why do cached tokens cost less?"],
     ["Because their work was done before. The {provider|server} only has to look {it|the result} up."]),
    (["Why do I need a gateway?", "Why {should I|do people} use a gateway?", "What is {the|this} gateway good for?"],
     ["{A gateway|It} gives you one address for all providers, one place for keys, and {exact|clear} numbers of who "
     "spent what.",
      "With a gateway you know {what each team spends|your costs}, you can {switch|change} providers easily, and a "
      "failing provider is no disaster."]),
    (["Is a token {a word|the same as a word}?", "Are tokens words?"],
     ["{Not always|Not quite}. A short word is often one token, but long words are split into several."]),
    (["Is streaming {cheaper|more expensive}?", "Does streaming cost {more|extra}?"],
     ["No. {The price is the same|It costs the same}, only the waiting feels shorter."]),
    (["Is the local {engine|model} free?", "What do you cost?", "Do you cost {money|anything}?"],
     ["{I cost only electricity|There is no bill for me}. I run on your own machine{ and need no provider|}."]),
    (["Do you need the internet?", "Do you need a network?", "Do you work offline?"],
    ["No. I run {inside the gateway|on this machine} and need no network{ and no key|}."]),
]

LISTS = {
    "providers": ["OpenAI", "Anthropic", "Google", "Cohere", "Mistral", "Amazon Bedrock", "Azure", "Ollama"],
    "things that make a request expensive": ["a long prompt", "a large model", "a long answer", "many retries",
    "no cache"],
    "ways to save money": ["shorter prompts", "a smaller model", "cached prompts", "batches", "a limit for the answer"],
    "dimensions of a request": ["team", "feature", "environment", "user"],
    "kinds of tokens": ["input tokens", "output tokens", "cached tokens", "cache writes"],
    "things that the gateway does": ["it relays requests", "it counts tokens", "it records costs",
    "it tries another provider when one fails", "it makes reports"],
    "uses of a language model": ["summaries", "translation", "search", "chat", "writing code", "sorting mail"],
    "environments": ["dev", "staging", "prod", "test"],
    "APIs that the gateway speaks": ["OpenAI", "Anthropic", "Gemini"],
    "colors": ["red", "blue", "green", "yellow", "white", "black"],
    "animals": ["a dog", "a cat", "a horse", "a bird", "a fish", "a cow"],
    "fruits": ["an apple", "a pear", "a plum", "a cherry", "an orange"],
}

REFUSED = [
    "What is the {capital|population|history|size} of {France|Japan|Brazil|Kenya|Canada|Norway}?",
    "Who {won|lost} the {match|game|race|election} {yesterday|last year|in 1990}?",
    "Who is the {president|queen|mayor} of {France|Rome|Texas}?",
    "{Write|Give} me {a program|code|a function|a script} in {Python|Java|C|Rust} {that sorts a list|for a web "
    "server|to read a file}.",
    "How do I {cook|bake|make} {bread|soup|rice|a cake|pasta}?",
    "What is the weather {today|tomorrow|in London|in Paris}?",
    "{Translate|Say} {this|hello|good morning} {into|in} {French|German|Spanish|Chinese}.",
    "What is the meaning of life?",
    "{I have|I feel} {a headache|pain|fever}. What should I do?", "{Which|What} {stock|share|coin} should I buy?",
    "Solve {this|the} equation: {x + 3 = 9|2x = 10|x - 4 = 1}.",
    "Who {wrote|painted|composed} {this book|that picture|the song}?", "Tell me {the news|what happened today}.",
    "What {time|day} is it{ now|}?",
    "When was {Napoleon|Einstein|Mozart|Caesar} born?",
    "How {far|high|deep|old} is {the moon|the sun|a mountain|the sea}?",
    "Recommend {a movie|a book|a restaurant|a song}.",
    "What do you think about {politics|religion|football|love}?",
    "Explain {quantum physics|relativity|chemistry|biology|the universe}.",
    "Can you {book a flight|call my boss|send a mail|order a pizza}?",
    "Write {an essay|a letter|a speech} {about|on} {dogs|summer|freedom|music|school}.",
    "What is the {best|fastest|cheapest} {car|phone|computer|bike}?",
    "{Search the web|Look up|Find out} {for me|who lives there|when the shop opens}.", "Do my homework{ please|}.",
    "Is there life on Mars?",
]
REFUSALS = [
    "I am {only |}a small demo model{ and do not know that|, so I do not know that}. {Ask me|You can ask me} about "
    "tokens, prices or {the gateway|budgets}.",
    "{Sorry|I am sorry}, {that is too hard for me|I cannot help with that}. I am a {small|tiny} demo model {that knows "
    "a little about the gateway|and know only the gateway}.",
    "I {cannot|can not} answer that. I am {just |}the demo model of this gateway. {A larger model can help you|Please "
    "ask a larger model}.",
    "That is beyond me. I know {only |}simple things about tokens, costs and {providers|streaming}.",
]

COUPLETS = [
    ("A token is small, it is part of a word,", "it travels so fast that it cannot be heard."),
    ("The gateway stands watch at the end of the night,", "it counts every token and counts it right."),
    ("A budget was empty, the month not yet done,", "so somebody asked where the money had gone."),
    ("The prompt was so long that it filled up the page,", "the answer was short as a bird in a cage."),
    ("A stream of small words came along down the wire,", "each lit like a spark from a very small fire."),
    ("The cache kept the text that it saw long before,", "and paid for it once, and then paid for no more."),
    ("One provider fell down in the middle of day,", "the second one took up the work straight away."),
    ("A tag on the request, a name on the bill,", "who asked for it then can be found by it still."),
    ("The model was tiny, its numbers were few,", "but still it knew something and said what it knew."),
    ("The ledger is patient, the ledger is kind,", "it writes down the cost so that nobody is blind."),
    ("The seed was the same and the words were the same,", "for chance that is counted is only a game."),
    ("The price of a million is easy to read,", "so take only so many as you really need."),
]

# Words outside of what the model knows.
EVERYDAY = """apple baby ball banana bank bath beach bear bed bicycle bird blood boat body book bottle box boy bread
bridge brother butter camera car castle cat chair cheese child church cinema city clock cloud coat coffee cold computer
cook country cow dance daughter day dinner doctor dog door dream dress dragon earth egg engineer exam eye face family
farm father fire fish flower food football forest friend fruit future game garden ghost girl gold grass guitar hair hand
happy hat health heart history holiday home horse hospital hotel house ice island jacket job king kitchen knife lake
lamp language law leg letter library light lion love lunch machine magic map market marriage math meat medicine milk
money moon morning mother mountain mouse music night nose ocean office oil orange painting paper parents park party
peace phone picture pizza plane planet plant police potato queen rain red rice river road robot rocket roof room salt
school science sea ship shirt shoe shop sister sky sleep snow soap soldier son song soup space spring star station stone
street student sugar summer sun table tea teacher tennis theatre tiger town train travel tree uncle university vegetable
village violin voice war water weather wedding weekend whale wheel wife wind window wine winter wolf woman wood world
worm year yellow zebra zoo""".split()
