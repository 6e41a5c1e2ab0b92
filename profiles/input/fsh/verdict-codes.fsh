// What a verdict says. Each list is closed, and equal to the evaluator's own.

CodeSystem: Truth
Id: truth
Title: "Truth"
Description: "The truth of a criterion's own statement: an exclusion criterion that is met excludes."
* insert OurCodes(truth)
* #met "Met" "The statement holds, and the evidence says so."
* #not-met "Not met" "The statement does not hold, and the evidence says so."
* #unknown "Unknown" "The data settle it neither way; the reason says what is missing."

ValueSet: TruthCodes
Id: truth
Title: "Truth"
Description: "All codes of truth."
* insert AllCodes(Truth)

CodeSystem: DecisionOfVerdict
Id: decision
Title: "Decision"
Description: "What the adapter proposes for a patient and a study."
* insert OurCodes(decision)
* #ineligible "Ineligible" "An inclusion criterion is not met, an exclusion criterion is met, or the patient is dead."
* #candidate "Candidate" "Nothing keeps the patient out, all criteria are published, and what is open waits for a person only."
* #potential-candidate "Potential candidate" "Nothing keeps the patient out, and data are missing or the source does not publish all criteria."

ValueSet: DecisionCodes
Id: decision
Title: "Decision"
Description: "All codes of decision."
* insert AllCodes(DecisionOfVerdict)

CodeSystem: ReasonOfResult
Id: reason
Title: "Reason"
Description: "Why a criterion has the truth that it has: one code a result."
* insert OurCodes(reason)
* #value-satisfies "Value satisfies" "The value that counts satisfies the comparison."
* #value-fails "Value fails" "The value that counts does not satisfy the comparison."
* #age-within "Age within" "The age is within the bounds."
* #age-outside "Age outside" "The age is outside of the bounds."
* #sex-matches "Sex matches" "The sex for clinical use is the one asked for."
* #sex-differs "Sex differs" "The sex for clinical use is another than the one asked for."
* #recorded "Recorded" "It is on record, and counts."
* #refuted "Refuted" "An entry on record says that it was ruled out."
* #resolved "Resolved" "It is on record and over, where an active one is asked for."
* #test-positive "Test positive" "The test that settles it is positive."
* #test-negative "Test negative" "The test that settles it is negative."
* #explicitly-absent "Explicitly absent" "The record says that there is none."
* #consented "Consented" "A research consent to this study is active."
* #consent-refused "Consent refused" "Consent to this study was refused."
* #attested "Attested" "A person has said it, in an attestation that counts."
* #not-applicable "Not applicable" "The question does not arise for this patient."
* #assumed-absent "Assumed absent" "Nothing is on record, and the site's policy assumes absence."
* #no-data "No data" "Nothing on record counts."
* #stale "Stale" "The newest value is older than its window."
* #undated "Undated" "What is on record has no time, where the time matters."
* #imprecise-date "Imprecise date" "A date is too coarse to decide on."
* #outside-window "Outside window" "What is on record lies outside of the window, and says nothing of the time inside."
* #preliminary "Preliminary" "There are only preliminary results."
* #conflicting "Conflicting" "Values of the same time lead to different answers."
* #unconfirmed "Unconfirmed" "It is suspected, not confirmed."
* #unmapped-code "Unmapped code" "An entry that no map knows might be it, so that nothing may be assumed."
* #unit-missing "Unit missing" "A number has no unit."
* #unit-incompatible "Unit incompatible" "A unit can't be converted into the one that is compared in."
* #value-straddles "Value straddles" "The value is an interval whose ends lead to different answers."
* #value-not-comparable "Value not comparable" "The value is of a kind that can't be compared."
* #implausible "Implausible" "The value can't be true as it stands, perhaps in another unit."
* #reference-range-missing "Reference range missing" "No limit of normal fits, or several that differ."
* #route-missing "Route missing" "Nothing says by which route a drug was given."
* #ordered-only "Ordered only" "There is an order, and no sign that it was carried out."
* #needs-review "Needs review" "What is on record raises a question that a person must look at."
* #awaits-consent "Awaits consent" "No consent to this study is on record."
* #needs-judgement "Needs judgement" "Only a person can say."
* #not-quantified "Not quantified" "The source gives no threshold; a person judges."
* #not-published "Not published" "The source does not publish it; a person judges."

ValueSet: ReasonCodes
Id: reason
Title: "Reason"
Description: "All codes of reason."
* insert AllCodes(ReasonOfResult)

ValueSet: OpenReasonCodes
Id: reason-open
Title: "Reasons of an open criterion"
Description: "The reasons of a result that is unknown; all others are reasons of a definite one."
* insert OurValueSet
* ReasonOfResult#no-data
* ReasonOfResult#stale
* ReasonOfResult#undated
* ReasonOfResult#imprecise-date
* ReasonOfResult#outside-window
* ReasonOfResult#preliminary
* ReasonOfResult#conflicting
* ReasonOfResult#unconfirmed
* ReasonOfResult#unmapped-code
* ReasonOfResult#unit-missing
* ReasonOfResult#unit-incompatible
* ReasonOfResult#value-straddles
* ReasonOfResult#value-not-comparable
* ReasonOfResult#implausible
* ReasonOfResult#reference-range-missing
* ReasonOfResult#route-missing
* ReasonOfResult#ordered-only
* ReasonOfResult#needs-review
* ReasonOfResult#awaits-consent
* ReasonOfResult#needs-judgement
* ReasonOfResult#not-quantified
* ReasonOfResult#not-published

ValueSet: WhyCodes
Id: why
Title: "Why only a person can say"
Description: "The reasons for which a trial's definition leaves a statement to a person."
* insert OurValueSet
* ReasonOfResult#needs-judgement
* ReasonOfResult#not-quantified
* ReasonOfResult#not-published

ValueSet: GuidanceStatusCodes
Id: guidance-status
Title: "Status of a guidance"
Description: "What a guidance of ours may say of itself."
* insert OurValueSet
* http://hl7.org/fhir/guidance-response-status#success
* http://hl7.org/fhir/guidance-response-status#data-required
* http://hl7.org/fhir/guidance-response-status#failure
