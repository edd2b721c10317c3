"""What the demo model may know: topics with their sentences, all of them ours. `{a|b}` is a choice and may nest."""

# name -> (names with article, definitions, further sentences)
TOPICS = {
    "token": (["a token"], [
        "{A token is|Tokens are} {a small piece|small pieces} of text{, often a word or a part of a word|}.",
        "A {language |}model does not read letters. It reads tokens, {small pieces of text|short pieces of words}.",
        "A token is the unit in which a model reads and writes text.",
    ], [
        "In English {one token is about four letters|a token is about four characters long}{ on average|}.",
        "{A short word is often one token|Short words are often one token}, and a long {or rare |}word {is|may be} "
        "split into several.",
        "{Providers|Vendors} {count|measure} {your usage|what you use} in tokens{, not in words|}.",
        "{You pay|Most providers charge} for the tokens that go in and for the tokens that come out.",
        "{One hundred tokens are|A hundred tokens are} roughly seventy five words.",
        "Spaces and punctuation {count too|are part of tokens, too}.",
    ]),
    "input token": (["an input token", "a prompt token"], [
        "Input tokens are the tokens {of your request|that you send to the model}.",
        "An input token is a piece of the text that {goes into the model|the model has to read}.",
    ], [
        "They {include|hold} the system message, the {conversation|history} so far, and your {new |}question.",
        "Input tokens {are cheaper|usually cost less} than output tokens, because the model can read them all at once.",
        "A long {conversation|chat} has many input tokens, {because the whole history is sent again|since all of it is "
        "sent with each turn}.",
        "{Caching|A prefix cache} can make {repeated|the same} input tokens {cheaper|much cheaper}.",
    ]),
    "output token": (["an output token", "a completion token"], [
        "Output tokens are the tokens that the model writes{ in its answer|}.",
        "An output token is a piece of {the answer|the text that comes out of the model}.",
    ], [
        "The model makes them one after the other, {so they take time|which takes time}.",
        "{That is why they cost more|They usually cost more} than input tokens.",
        "You can {limit|bound} them with max_tokens.",
        "Hidden thinking of a reasoning model {counts|is billed} as output, too.",
    ]),
    "cached token": (["a cached token"], [
        "Cached tokens are input tokens that {the provider|the model server} has {read|seen} {before|a moment ago} and "
        "{kept|remembered}.",
        "A cached token is an input token whose work was already done {for an earlier request|by an earlier request}.",
    ], [
        "They are {cheaper|much cheaper} than {fresh|normal} input tokens{, often a tenth of the price|}.",
        "{It works|This works} only when the beginning of {the prompt|your prompt} is {exactly |}the same.",
        "So put {the parts that never change|fixed text} first and {the question|what changes} last.",
        "The gateway {records|counts} cached tokens in {a bucket of their own|their own bucket}.",
    ]),
    "cache write": (["a cache write"], [
        "A cache write {happens when|is what you pay when} the provider {stores|keeps} the beginning of your prompt "
        "for later.",
        "Cache writes are input tokens that are {stored|put into the cache} for the next request.",
    ], [
        "{Some|A few} providers charge {a little |}more for a cache write than for a normal input token.",
        "It pays off when the same {beginning|prefix} is {used|sent} again {soon|within a few minutes}.",
        "A cache read is {the cheap part|cheap}, a cache write is the price for it.",
    ]),
    "prompt": (["a prompt"], [
        "A prompt is the text that you {give to|send to} the model.",
        "The prompt is everything the model reads before it {answers|begins to answer}.",
    ], [
        "It often has a system message, {some|a few} examples, and a question.",
        "{A clear prompt gives a better answer|Clear prompts give better answers}.",
        "A long prompt costs more, {since|because} each of its tokens is billed.",
    ]),
    "context window": (["a context window", "a context"], [
        "The context window is {the number of tokens|how many tokens} a model can {look at|hold} at once.",
        "A context window is the room that a model has for {the prompt and the answer|the prompt and its answer "
        "together}.",
    ], [
        "When a chat is longer than that, {something must be left out|the oldest part has to go}.",
        "My own context is {small|very small}: {only |}512 tokens.",
        "Large models have room for {many thousands of|a hundred thousand or more} tokens.",
    ]),
    "gateway": (["a gateway", "an LLM gateway"], [
        "A gateway {stands|sits} between your application and the providers of models.",
        "An LLM gateway is {one door|a single door} to many {models|providers}.",
        "A gateway is a program that {takes|receives} requests for models and {passes them on|sends them to a "
        "provider}.",
    ], [
        "It {counts|records} what each request costs and who {sent it|asked for it}.",
        "It can try {a second|another} provider when the first one fails.",
        "Your application needs {one address|only one address} and can use {many|all} models.",
        "It keeps the providers' keys, so that applications do not need them.",
        "It speaks the APIs of OpenAI, Anthropic and Gemini, {so SDKs work unchanged|so your SDK keeps working}.",
    ]),
    "Tollgate": (["Tollgate"], [
        "Tollgate is {an|the} LLM gateway {that knows what every token costs|in which I live}.",
        "Tollgate is a gateway for language models that {writes down|records} the cost of each request.",
    ], [
        "It is made for teams {who|that} want to know who spent what on which model.",
        "It {relays|passes on} requests to providers, or translates them from one API to another.",
        "It {also |}has a small engine of its own, and I am the demo model of it.",
        "Every request gets {an exact cost record|a cost record that survives a crash}.",
    ]),
    "budget": (["a budget"], [
        "A budget is {a limit for|an upper limit on} what a team, a feature or a user may spend{ in a period|}.",
        "A budget says how much money may be spent{ in a day or a month|}.",
    ], [
        "When it is {used up|reached}, requests can be {refused|stopped} or sent to a cheaper model.",
        "{A warning|An alert} before the limit {helps|gives people time to react}.",
        "Budgets {keep|protect you from} {a surprise|surprises} on the bill{ away|}.",
        "Start with a budget per team, and then {make it finer|look at single features}.",
    ]),
    "provider": (["a provider", "a vendor"], [
        "A provider is a company or a server that runs models{ for you|}.",
        "Providers run {large |}models and {sell|offer} them through an API.",
    ], [
        "OpenAI, Anthropic and Google are {well known providers|examples}.",
        "Your own server {with open models |}can be a provider, too.",
        "Each provider has its own {prices|price list}, limits and API.",
        "The gateway can {move|switch} from one provider to another {without a change in your application|when one is "
        "down}.",
    ]),
    "price": (["a price"], [
        "A price says what {a million tokens cost|one million tokens cost}.",
        "Prices of models are {given|told} in dollars per million tokens.",
    ], [
        "There are {different|separate} prices for input, cached input and output.",
        "The cost of a request is {the number of tokens times the price, divided by a million|tokens times price, "
        "divided by one million}.",
        "Prices change, so each price row has a date{ from which it is valid|}.",
        "When no price is known, the gateway says unpriced and never {pretends|says} that it was free.",
    ]),
    "cost": (["a cost", "the cost of a request"], [
        "The cost of a request is {the sum over its tokens|what its tokens cost together}.",
        "Cost is tokens times price, {added up|summed} over all kinds of tokens.",
    ], [
        "Input, cached input and output are {counted|priced} separately.",
        "The gateway {works|calculates} with whole numbers, so that no rounding error can grow.",
        "You find it in the header x-tollgate-cost-usd of {the|each} answer.",
        "A shorter prompt and a smaller model {make it lower|are the two ways to lower it}.",
    ]),
    "tag": (["a tag"], [
        "A tag is a {short |}label that you put on a request.",
        "Tags are names and values {that travel|which go} with a request, {such as|for example} project=search.",
    ], [
        "With tags you can {see|find out} which project or customer {caused|is behind} a cost.",
        "You {send|set} them in the header x-tollgate-tags.",
        "Team, feature, environment and user have {places|headers} of their own.",
        "{Tags never change|A tag never changes} what the model answers.",
    ]),
    "attribution": (["attribution"], [
        "Attribution means to know {who caused a cost|for whom a request was made}.",
        "Attribution {connects|ties} each request {to|with} a team, a feature and an environment.",
    ], [
        "It comes from the key, from headers or from the body of the request.",
        "What a key {binds|says} cannot be changed by the caller.",
        "Requests without {it|attribution} can be refused or {put aside|marked}.",
    ]),
    "streaming": (["streaming"], [
        "Streaming means that {the answer arrives piece by piece|you get the answer in small pieces while it is "
        "written}.",
        "With streaming you {see|get} the first words {early|at once}, {before the whole answer is ready|while the "
        "rest is still being written}.",
    ], [
        "{You turn it on|Turn it on} with \"stream\": true in {the|your} request.",
        "The pieces come as server sent events, {one line of data for each|short lines of data}.",
        "It does not change the price, only the waiting.",
        "The last event {tells|can tell} how many tokens were used.",
    ]),
    "server sent event": (["a server sent event", "SSE"], [
        "A server sent event is a {small|short} message that a server {sends|pushes} over an open HTTP response.",
        "SSE is {a simple way|the way} to send many small messages in one HTTP answer.",
    ], [
        "Each event is a few lines of text {and ends with an empty line|with an empty line at the end}.",
        "Streamed answers of models {use it|are sent this way}.",
    ]),
    "fallback": (["a fallback"], [
        "A fallback is {a second|another} model or provider that {is tried|takes over} when the first one fails.",
        "With a fallback, a request goes to {the next|another} target when one does not answer.",
    ], [
        "It {happens|works} only before the first words {were sent|have reached you}.",
        "You list the targets in order, and the gateway tries {them one after the other|the next one}.",
        "Each attempt gets a cost record{ of its own|}.",
    ]),
    "retry": (["a retry"], [
        "A retry is to send the same request {again|once more} after a passing error.",
        "Retries {help|are made} when a provider is {busy|overloaded} for a moment.",
    ], [
        "{Between|Before} two tries the gateway waits a {little|short time}.",
        "A wrong request is never retried, because it would fail again.",
    ]),
    "rate limit": (["a rate limit"], [
        "A rate limit says how many requests or tokens are allowed {in a minute|per minute}.",
        "A rate limit {protects|keeps} a server from too many requests{ at once|}.",
    ], [
        "When you hit it, you get status 429 and should wait.",
        "The header retry-after tells how long{ to wait|}.",
        "Providers have rate limits, and a gateway can have its own{ for each key|}.",
    ]),
    "API key": (["an API key", "a key"], [
        "An API key is a secret {word |}that shows who {you are|is calling}.",
        "A key is like a password for a program.",
    ], [
        "Never {put|write} a key into code that others can read.",
        "The gateway stores only a hash of {your key|each key}.",
        "A key can be bound to a team and an environment.",
    ]),
    "ledger": (["a ledger", "the ledger"], [
        "The ledger is {the database|the place} in which all cost records {are kept|end up}.",
        "A ledger is a book of costs: one row for each attempt.",
    ], [
        "It can be SQLite {on one machine|for a start} or PostgreSQL{ for many|}.",
        "Reports by team, feature, model or day {come from it|are made from it}.",
        "Nothing in it is lost when the gateway {crashes|stops suddenly}.",
    ]),
    "model": (["a model", "a language model"], [
        "A {language |}model is a program that has learned to continue text.",
        "A model {guesses|predicts} the next token, again and again, until the answer is complete.",
    ], [
        "Large models know {a lot|much} and cost more. Small models are fast and cheap.",
        "I am a very small one.",
        "It is made of {many|millions of} numbers that were {found|adjusted} by training.",
    ]),
    "temperature": (["temperature"], [
        "Temperature {says|controls} how {freely|boldly} a model chooses its next token.",
        "With a low temperature the answer is {steady|predictable}, with a high one it is {more varied|full of "
        "surprises}.",
    ], [
        "At zero the model always takes the most likely token.",
        "{Values between zero and one are usual|Most people use a value between zero and one}.",
    ]),
    "seed": (["a seed"], [
        "A seed is a number that makes {random choices|chance} repeatable.",
        "With the same seed and the same request, the model {draws|picks} the same tokens again.",
    ], [
        "It is {useful|good} for tests.",
        "At temperature zero you do not need one.",
    ]),
    "stop sequence": (["a stop sequence"], [
        "A stop sequence is a text at which the answer ends.",
        "When the model writes a stop sequence, {it stops there|the answer is cut right before it}.",
    ], [
        "You can give {several|more than one} in the field stop.",
        "The stop sequence itself is not part of the answer.",
    ]),
    "embedding": (["an embedding"], [
        "An embedding is a list of numbers that {stands for|describes} the meaning of a text.",
        "Embeddings turn text into numbers, so that {similar texts get similar numbers|a program can compare "
        "meanings}.",
    ], [
        "They are used for search.",
        "Embeddings cost only input tokens.",
    ]),
    "tool call": (["a tool call"], [
        "A tool call is a model's wish to run a function of your program.",
        "With tool calls a model can ask your program {for help|to do something}.",
    ], [
        "The model names the function and its arguments, and your program does the work.",
        "The result goes back to the model {in the next request|as a new message}.",
    ]),
    "structured output": (["structured output"], [
        "Structured output means that the answer has {a fixed form|the form that you asked for}, such as JSON with "
        "given fields.",
        "With structured output the model must follow {a schema|a JSON schema that you give}.",
    ], [
        "The engine allows only tokens that {fit the schema|keep the answer valid}.",
        "So a program can read the answer without {guessing|surprises}.",
    ]),
    "batch": (["a batch"], [
        "A batch is a {file|list} of many requests that {may wait|are answered later}.",
        "In a batch you send many requests at once and {fetch the answers later|wait some hours for the answers}.",
    ], [
        "{It is often half as expensive|Providers often give half the price for it}.",
        "It is good for work that {is not urgent|can wait until tomorrow}.",
    ]),
    "latency": (["latency"], [
        "Latency is the time that you wait for an answer.",
        "Latency says how long {a request|an answer} takes.",
    ], [
        "The time to the first token is {the part that people notice|what people feel} most.",
        "Long prompts and long answers make it longer.",
        "A small model {close to you|nearby} has low latency.",
    ]),
    "quantization": (["quantization"], [
        "Quantization stores the numbers of a model with fewer bits.",
        "Quantization makes a model smaller by rounding its {numbers|weights}.",
    ], [
        "It {saves memory and makes|needs less memory and makes} the model faster, for a small loss in quality.",
        "My own weights have eight bits each.",
    ]),
    "KV cache": (["a KV cache"], [
        "The KV cache {keeps|holds} what a model has worked out for {earlier|the previous} tokens.",
        "A KV cache is the {short |}memory of a running model: it saves the work for tokens it has {already |}read.",
    ], [
        "Without it the model would read the whole text again for each new token.",
        "It grows with {every token|the length of the text}.",
        "It can be shared by requests that begin with the same text.",
    ]),
    "local engine": (["the local engine", "a local engine"], [
        "The local engine runs a model inside the gateway, on {your own machine|your own processor}.",
        "The local engine is the part of the gateway that {runs models itself|needs no provider}.",
    ], [
        "It reads models in GGUF files.",
        "I run {on it|in it} right now.",
        "It needs no key and no network.",
    ]),
    "GGUF file": (["a GGUF file", "GGUF"], [
        "GGUF is a file format for models.",
        "A GGUF file holds the weights of a model, its vocabulary and its settings in one place.",
    ], [
        "{You need only one file|One file is enough} to run a model.",
        "The weights in it are often quantized.",
    ]),
    "metric": (["a metric"], [
        "A metric is a number that shows how a program is doing{ over time|}.",
        "Metrics are numbers such as requests, tokens, errors and costs.",
    ], [
        "The gateway offers them for Prometheus under /metrics.",
        "With them you can draw {charts|a dashboard} and set alerts.",
    ]),
    "environment": (["an environment"], [
        "An environment says where a program runs, such as dev, staging or prod.",
        "The environment of a request tells whether it {was|is} a test or real work.",
    ], [
        "You send it in the header x-tollgate-env.",
        "Costs of tests and of production can be told apart by it.",
    ]),
    "cost report": (["a cost report", "a report"], [
        "A cost report {shows|tells} who spent how much.",
        "A report {adds up|sums} the costs by team, feature, model or day.",
    ], [
        "You get one with {the command |}tollgate report --by team.",
        "It {can also be written|is also available} as JSON.",
    ]),
}
