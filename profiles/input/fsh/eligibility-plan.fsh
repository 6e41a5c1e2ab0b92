// The criteria of a study: an action each, its parts the actions below it.

Profile: EligibilityPlan
Parent: PlanDefinition
Id: eligibility-plan
Title: "Eligibility plan"
Description: "Who may take part in a study: an action for each criterion, whose statement stands in the extension `criterion`."
* insert OurDefinition
* obeys criteria-whole and ids-differ
* url 1..1
* version 1..1
* name 1..1
* title 1..1
* type 1..1
* type.coding 1..*
* type = http://example.org/fhir-trial-adapter/CodeSystem/plan-type#eligibility
* action 1..*
* action obeys parts-fit
* action.extension contains Criterion named criterion 1..1
* action.textEquivalent 1..1
* action.code from CriterionKindCodes (required)

// Actions stand in actions: what a profile says of an action, validators ask of those below it, too. What holds for the
// upper ones alone is an invariant of the plan.

Invariant: criteria-whole
Description: "A criterion of the study has an id, says whether it excludes, and where it is published"
Severity: #error
Expression: "action.all(prefix.exists() and code.count() = 1 and documentation.citation.exists())"

Invariant: parts-fit
Description: "What joins has parts, `not` one, `as` two, `if-then` two or three; what reads data or asks a person has none"
Severity: #error
Expression: "iif(extension.where(url = 'http://example.org/fhir-trial-adapter/StructureDefinition/criterion').extension.exists(url = 'kind' and value in ('all-of' | 'any-of' | 'any-known' | 'at-least-n')), action.exists(), iif(extension.where(url = 'http://example.org/fhir-trial-adapter/StructureDefinition/criterion').extension.exists(url = 'kind' and value in ('not')), action.count() = 1, iif(extension.where(url = 'http://example.org/fhir-trial-adapter/StructureDefinition/criterion').extension.exists(url = 'kind' and value in ('as')), action.count() = 2, iif(extension.where(url = 'http://example.org/fhir-trial-adapter/StructureDefinition/criterion').extension.exists(url = 'kind' and value in ('if-then')), action.count() = 2 or action.count() = 3, action.empty()))))"

Invariant: ids-differ
Description: "No two actions have the same prefix"
Severity: #error
Expression: "descendants().prefix.isDistinct()"

Extension: Criterion
Id: criterion
Title: "Criterion"
Description: "What a criterion states: its kind, and the fields of that kind. The parts of what joins are the actions below."
Context: PlanDefinition.action
* insert OurDefinition
* obeys age-has-end and concepts-named and course-named and measurement-compares and judgement-says-why and parts-counted
* extension ^slicing.rules = #closed
* extension contains
    kind 1..1 and
    lower 0..1 and
    upper 0..1 and
    sex 0..1 and
    concept 0..* and
    occurrence 0..1 and
    look-back 0..1 and
    overlaps 0..1 and
    at-least-ago 0..1 and
    lasting 0..1 and
    at-age 0..1 and
    severity 0..* and
    stage 0..* and
    grade 0..* and
    test 0..1 and
    settling-test 0..* and
    qualifier 0..1 and
    other-than 0..* and
    shown 0..* and
    sex-bound 0..1 and
    course 0..* and
    blasts 0..* and
    blast-threshold 0..1 and
    after 0..1 and
    analyte 0..1 and
    selection 0..1 and
    times 0..1 and
    direction 0..1 and
    by 0..1 and
    since 0..1 and
    apart 0..1 and
    share 0..1 and
    gene 0..* and
    change 0..* and
    exon 0..* and
    codons 0..1 and
    effect 0..* and
    pathogenic 0..1 and
    window 0..1 and
    before 0..1 and
    event 0..1 and
    relation 0..1 and
    other 0..1 and
    within 0..1 and
    at-least 0..1 and
    more-than 0..1 and
    link 0..1 and
    linked-to 0..1 and
    condition 0..* and
    exposure 0..* and
    encounter 0..* and
    of 0..1 and
    at-least-so-many 0..1 and
    at-most-so-many 0..1 and
    combined 0..1 and
    gap 0..1 and
    recorded 0..1 and
    half-lives 0..1 and
    systemic 0..1 and
    ongoing 0..1 and
    began 0..1 and
    stable-for 0..1 and
    dose 0..1 and
    equivalents 0..1 and
    cumulative 0..1 and
    frequency 0..1 and
    as-needed 0..1 and
    body-site 0..* and
    route 0..* and
    method 0..* and
    device 0..* and
    severe 0..1 and
    unresolved 0..1 and
    why 0..1 and
    gate 0..* and
    reason 0..* and
    relative 0..* and
    study 0..* and
    intervention 0..1 and
    suspect 0..* and
    conclusion 0..* and
    cross-reactive 0..1 and
    country 0..* and
    state 0..* and
    district 0..* and
    city 0..* and
    postal-code 0..* and
    language 0..* and
    status 0..* and
    sterilised-by 0..* and
    to 0..* and
    allergy 0..* and
    count 0..1
* extension[kind] ^short = "What is stated: an age, a measurement, any of the parts, …"
* insert Coded(kind, StatementKindCodes)
* extension[lower] ^short = "Youngest age; the comparator says whether it counts"
* insert Typed(lower, Age)
* extension[upper] ^short = "Oldest age; the comparator says whether it counts"
* insert Typed(upper, Age)
* extension[sex] ^short = "Sex for clinical use"
* insert Coded(sex, SexCodes)
* extension[concept] ^short = "Value set of the diagnoses, drugs, procedures or substances; any one counts"
* insert Typed(concept, canonical)
* extension[occurrence] ^short = "Whether it must be active"
* insert Coded(occurrence, OccurrenceCodes)
* extension[look-back] ^short = "How far back it counts"
* insert Typed(look-back, Duration)
* extension[overlaps] ^short = "Any day of it lies within this window"
* insert Typed(overlaps, Duration)
* extension[at-least-ago] ^short = "It began so long ago, or longer"
* insert Typed(at-least-ago, Duration)
* extension[lasting] ^short = "It went on for so long or longer, until its end or until today"
* insert Typed(lasting, Duration)
* extension[at-age] ^short = "The age at which it began"
* extension[at-age].extension ^slicing.discriminator.type = #value
* extension[at-age].extension ^slicing.discriminator.path = "url"
* extension[at-age].extension ^slicing.rules = #closed
* extension[at-age].extension contains lower 0..1 and upper 0..1
* extension[at-age].extension[lower].value[x] 1..1
* extension[at-age].extension[lower].value[x] only Age
* extension[at-age].extension[upper].value[x] 1..1
* extension[at-age].extension[upper].value[x] only Age
* extension[severity] ^short = "How severe the entry itself says it is; any one counts"
* insert Coded(severity, SeverityCodes)
* extension[stage] ^short = "Which stage the entry itself says; any one counts"
* insert Coded(stage, StageCodes)
* extension[grade] ^short = "Which grade the entry itself says; any one counts"
* insert Coded(grade, GradeCodes)
* extension[qualifier] ^short = "What ordinary data don't say: on record, a person is asked"
* insert Coded(qualifier, QualifierCodes)
* extension[other-than] ^short = "Value set of what doesn't count"
* insert Typed(other-than, canonical)
* extension[shown] ^short = "Value set of what is shown beside, and decides nothing"
* insert Typed(shown, canonical)
* extension[sex-bound] ^short = "Not applicable to who is recorded as male"
* insert Typed(sex-bound, boolean)
* extension[course] ^short = "How the disease runs; any one counts"
* insert Coded(course, CourseCodes)
* extension[blasts] ^short = "Value set of the blast count that shows a relapse"
* insert Typed(blasts, canonical)
* extension[blast-threshold] ^short = "From which blast count on"
* insert Typed(blast-threshold, Quantity)
* extension[after] ^short = "After which treatment"
* insert Typed(after, string)
* extension[analyte] ^short = "Value set of what is measured"
* insert Typed(analyte, canonical)
* extension[direction] ^short = "Which way the value went"
* insert Coded(direction, DirectionCodes)
* extension[by] ^short = "How far it went"
* insert Typed(by, Quantity)
* extension[since] ^short = "From which earlier value"
* insert Coded(since, SinceCodes)
* extension[times] ^short = "How many values must satisfy it"
* insert Typed(times, integer)
* extension[apart] ^short = "How far apart the first and the last of these must lie"
* insert Typed(apart, Duration)
* extension[share] ^short = "What share of the values inside the window, in per cent"
* insert Typed(share, Quantity)
* extension[gene] ^short = "Gene by its HGNC symbol or number; any one counts"
* insert Typed(gene, string)
* extension[change] ^short = "Change by HGVS; any one counts"
* insert Typed(change, string)
* extension[exon] ^short = "Exon in which the change lies; any one counts"
* insert Typed(exon, string)
* extension[codons] ^short = "Codons between which the change lies"
* extension[codons].extension ^slicing.discriminator.type = #value
* extension[codons].extension ^slicing.discriminator.path = "url"
* extension[codons].extension ^slicing.rules = #closed
* extension[codons].extension contains first 1..1 and last 1..1
* extension[codons].extension[first].value[x] 1..1
* extension[codons].extension[first].value[x] only integer
* extension[codons].extension[last].value[x] 1..1
* extension[codons].extension[last].value[x] only integer
* extension[effect] ^short = "What the change does; any one counts"
* insert Typed(effect, code)
* extension[pathogenic] ^short = "Only what is pathogenic, or likely so"
* insert Typed(pathogenic, boolean)
* extension[selection] ^short = "Which of several measurements"
* insert Coded(selection, SelectionCodes)
* extension[window] ^short = "How old a measurement may be, where the trial says it"
* insert Typed(window, Duration)
* extension[before] ^short = "Only what stood when this event began"
* insert EventsOf(before)
* extension[before].extension contains which 1..1
* extension[before].extension[which].value[x] 1..1
* extension[before].extension[which].value[x] only code
* extension[before].extension[which].valueCode from WhichCodes (required)
* extension[systemic] ^short = "Only what acts on the whole body"
* insert Typed(systemic, boolean)
* extension[event] ^short = "The events of which one is before, after or during another"
* insert EventsOf(event)
* extension[relation] ^short = "How the event stands to the other one"
* insert Coded(relation, RelationCodes)
* extension[other] ^short = "The other event"
* insert EventsOf(other)
* extension[other].extension contains which 0..1
* extension[other].extension[which].value[x] 1..1
* extension[other].extension[which].value[x] only code
* extension[other].extension[which].valueCode from WhichCodes (required)
* extension[within] ^short = "No more than so long away, or from now"
* insert Typed(within, Duration)
* extension[at-least] ^short = "No less than so long away"
* insert Typed(at-least, Duration)
* extension[more-than] ^short = "More than so long away"
* insert Typed(more-than, Duration)
* extension[link] ^short = "How the diagnosis is linked"
* insert Coded(link, LinkCodes)
* extension[linked-to] ^short = "What it is linked to"
* insert EventsOf(linked-to)
* extension[condition] ^short = "Value set of diagnoses; any one counts"
* insert Typed(condition, canonical)
* extension[exposure] ^short = "Value set of drugs or procedures; any one counts"
* insert Typed(exposure, canonical)
* extension[encounter] ^short = "Value set of stays and visits; any one counts"
* insert Typed(encounter, canonical)
* extension[of] ^short = "What is counted"
* insert Coded(of, CountedCodes)
* extension[at-least-so-many] ^short = "How many at least"
* insert Typed(at-least-so-many, integer)
* extension[at-most-so-many] ^short = "How many at most"
* insert Typed(at-most-so-many, integer)
* extension[combined] ^short = "What begins so soon after a line's first day belongs to it"
* insert Typed(combined, Duration)
* extension[gap] ^short = "A longer pause ends a line of therapy"
* insert Typed(gap, Duration)
* extension[recorded] ^short = "Value set of the count on record that decides"
* insert Typed(recorded, canonical)
* extension[half-lives] ^short = "The window is so many half-lives of the drug, where that is longer"
* insert Typed(half-lives, integer)
* extension[ongoing] ^short = "It goes on today"
* insert Typed(ongoing, boolean)
* extension[began] ^short = "It began in the window"
* insert Typed(began, boolean)
* extension[stable-for] ^short = "Taken for so long without a change of its dose"
* insert Typed(stable-for, Duration)
* extension[dose] ^short = "How much: of one giving, a day, by weight or surface, as its unit says"
* insert Typed(dose, Quantity)
* extension[equivalents] ^short = "The dose is told in the class's own drug"
* insert Typed(equivalents, boolean)
* extension[cumulative] ^short = "The dose of all givings in the window together"
* insert Typed(cumulative, boolean)
* extension[frequency] ^short = "How often it is taken"
* insert Typed(frequency, Quantity)
* extension[as-needed] ^short = "It is taken only when needed"
* insert Typed(as-needed, boolean)
* extension[body-site] ^short = "Value set of where it was measured or done; any of these"
* insert Typed(body-site, canonical)
* extension[route] ^short = "Value set of how a drug is given; any of these"
* insert Typed(route, canonical)
* extension[method] ^short = "Value set of how it was measured; any of these"
* insert Typed(method, canonical)
* extension[device] ^short = "Value set of what it was measured with; any of these"
* insert Typed(device, canonical)
* extension[severe] ^short = "Only severe ones"
* insert Typed(severe, boolean)
* extension[unresolved] ^short = "Only what goes on"
* insert Typed(unresolved, boolean)
* extension[why] ^short = "Why only a person can say"
* insert Coded(why, WhyCodes)
* extension[gate] ^short = "Value set of what a person looks at, where it is on record"
* insert Typed(gate, canonical)
* extension[reason] ^short = "Value set of what an encounter was for"
* insert Typed(reason, canonical)
* extension[relative] ^short = "Value set of the relatives that count"
* insert Typed(relative, canonical)
* extension[study] ^short = "Id or registry number of a study"
* insert Typed(study, string)
* extension[intervention] ^short = "Only where the study treats the patient"
* insert Typed(intervention, boolean)
* extension[suspect] ^short = "Value set of the suspected causes"
* insert Typed(suspect, canonical)
* extension[conclusion] ^short = "Value set of what a report concludes"
* insert Typed(conclusion, canonical)
* extension[cross-reactive] ^short = "An allergy to what cross-reacts is a question"
* insert Typed(cross-reactive, boolean)
* extension[country] ^short = "Country of residence"
* insert Typed(country, string)
* extension[state] ^short = "State of residence"
* insert Typed(state, string)
* extension[district] ^short = "District of residence"
* insert Typed(district, string)
* extension[city] ^short = "City of residence"
* insert Typed(city, string)
* extension[postal-code] ^short = "Beginning of a postal code"
* insert Typed(postal-code, string)
* extension[language] ^short = "BCP 47 code of a language"
* insert Typed(language, string)
* extension[status] ^short = "Marital status"
* insert Typed(status, code)
* extension[sterilised-by] ^short = "Value set of operations after which nobody becomes pregnant"
* insert Typed(sterilised-by, canonical)
* extension[to] ^short = "Value set of what may be contraindicated"
* insert Typed(to, canonical)
* extension[allergy] ^short = "Value set of allergies that speak against it"
* insert Typed(allergy, canonical)
* extension[count] ^short = "How many parts"
* insert Typed(count, integer)
* extension[test] ^short = "What a measurement is compared with"
// Either a value or parts (two bounds, coded answers): a rule on value[x] would forbid the parts, so the invariant says it.
* extension[test] obeys one-test
* extension[settling-test] ^short = "A measurement that settles a diagnosis"
* extension[settling-test].extension ^slicing.discriminator.type = #value
* extension[settling-test].extension ^slicing.discriminator.path = "url"
* extension[settling-test].extension ^slicing.rules = #closed
* extension[settling-test].extension contains analyte 1..1 and confirms 0..1 and lifelong 0..1
* extension[settling-test].extension[analyte].value[x] 1..1
* extension[settling-test].extension[analyte].value[x] only canonical
* extension[settling-test].extension[confirms].value[x] 1..1
* extension[settling-test].extension[confirms].value[x] only boolean
* extension[settling-test].extension[lifelong].value[x] 1..1
* extension[settling-test].extension[lifelong].value[x] only boolean

RuleSet: EventsOf(name)
* extension[{name}].extension ^slicing.discriminator.type = #value
* extension[{name}].extension ^slicing.discriminator.path = "url"
* extension[{name}].extension ^slicing.rules = #closed
* extension[{name}].extension contains condition 0..* and exposure 0..* and encounter 0..* and reason 0..* and began 0..1

RuleSet: Typed(name, type)
* extension[{name}].value[x] 1..1
* extension[{name}].value[x] only {type}

RuleSet: Coded(name, codes)
* extension[{name}].value[x] 1..1
* extension[{name}].value[x] only code
* extension[{name}].valueCode from {codes} (required)

Invariant: age-has-end
Description: "An age has at least one end, and nothing else has"
Severity: #error
Expression: "extension.exists(url = 'kind' and value = 'age') = extension.exists(url = 'lower' or url = 'upper')"

Invariant: concepts-named
Description: "What asks for a diagnosis, a drug or another entry of a list names its value sets, and nothing else has any"
Severity: #error
Expression: "(extension.exists(url = 'kind' and value in ('condition' | 'disease-course' | 'exposure' | 'device' | 'encounter' | 'family-history' | 'planned' | 'specimen')) implies extension.exists(url = 'concept')) and (extension.exists(url = 'concept') implies extension.exists(url = 'kind' and value in ('condition' | 'disease-course' | 'exposure' | 'allergy' | 'device' | 'encounter' | 'family-history' | 'planned' | 'adverse-event' | 'specimen' | 'report')))"

Invariant: course-named
Description: "A disease's course is relapsed or refractory, or both"
Severity: #error
Expression: "extension.exists(url = 'kind' and value = 'disease-course') = extension.exists(url = 'course')"

Invariant: measurement-compares
Description: "A measurement names what is measured, and the one value that it is compared with"
Severity: #error
Expression: "extension.exists(url = 'kind' and value in ('measurement' | 'change')) = extension.exists(url = 'analyte') and extension.exists(url = 'kind' and value = 'measurement') = extension.exists(url = 'test')"

Invariant: one-test
Description: "A measurement is compared with one value, with a lower and an upper bound, or with coded answers: some, or from one to another"
Severity: #error
Expression: "(value is Quantity or value is code or value is boolean) != ((extension.exists(url = 'low') and extension.exists(url = 'high')) or extension.exists(url = 'answer' or url = 'lowest' or url = 'highest'))"

Invariant: judgement-says-why
Description: "A judgement says why only a person can say"
Severity: #error
Expression: "extension.exists(url = 'kind' and value = 'judgement') = extension.exists(url = 'why')"

Invariant: parts-counted
Description: "`at-least-n` says how many"
Severity: #error
Expression: "extension.exists(url = 'kind' and value = 'at-least-n') = extension.exists(url = 'count')"
