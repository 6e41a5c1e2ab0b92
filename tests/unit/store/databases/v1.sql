--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: delivery; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.delivery (
    event integer NOT NULL,
    url character varying(1024) NOT NULL,
    state character varying(16) NOT NULL,
    due bigint NOT NULL,
    attempts integer NOT NULL,
    error character varying(120)
);


--
-- Name: duty; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.duty (
    name character varying(64) NOT NULL,
    due bigint NOT NULL,
    asked bigint NOT NULL,
    owner character varying(64),
    lease bigint
);


--
-- Name: event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event (
    id integer NOT NULL,
    at bigint NOT NULL,
    patient character varying(255) NOT NULL,
    study character varying(255) NOT NULL,
    old character varying(32),
    new character varying(32),
    criteria text NOT NULL
);


--
-- Name: event_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.event_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: event_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.event_id_seq OWNED BY public.event.id;


--
-- Name: mark; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mark (
    name character varying(255) NOT NULL,
    value text NOT NULL
);


--
-- Name: merged; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.merged (
    patient character varying(255) NOT NULL,
    "into" character varying(255) NOT NULL
);


--
-- Name: pending; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pending (
    key character varying(255) NOT NULL,
    generation bigint NOT NULL,
    state character varying(16) NOT NULL,
    due bigint NOT NULL,
    since bigint NOT NULL,
    attempts integer NOT NULL,
    error character varying(120),
    owner character varying(64),
    lease bigint
);


--
-- Name: resource_index; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource_index (
    resource character varying(255) NOT NULL,
    patient character varying(255) NOT NULL,
    version text,
    updated text,
    reads text NOT NULL
);


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    version integer NOT NULL
);


--
-- Name: touch; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.touch (
    key character varying(255) NOT NULL,
    what character varying(255) NOT NULL,
    generation bigint NOT NULL
);


--
-- Name: verdict; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.verdict (
    patient character varying(255) NOT NULL,
    study character varying(255) NOT NULL,
    decision character varying(32) NOT NULL,
    criteria text NOT NULL,
    as_of bigint NOT NULL,
    valid_until bigint,
    basis character varying(64) NOT NULL,
    digest character varying(64) NOT NULL
);


--
-- Name: event id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event ALTER COLUMN id SET DEFAULT nextval('public.event_id_seq'::regclass);


--
-- Data for Name: delivery; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.delivery VALUES
	(1, 'https://ehr.example/events', 'waiting', 1795873694890, 2, 'ConnectError'),
	(2, 'https://ehr.example/events', 'dead', 1795873694890, 9, '500');


--
-- Data for Name: duty; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.duty VALUES
	('sweep', 1795873694890, 1, NULL, NULL),
	('calendar', 1795877294890, 0, NULL, NULL);


--
-- Data for Name: event; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.event VALUES
	(1, 1795873695000, 'Patient/bench-0', '4scar7u', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(2, 1795873695000, 'Patient/bench-0', 'cd7-cart01', NULL, 'ineligible', '[{"id":"I1","old":null,"new":{"result":"not-met","reason":"age-outside"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"not-quantified"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}}]'),
	(3, 1795873695000, 'Patient/bench-0', 'nct04785833', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(4, 1795873695000, 'Patient/bench-0', 'nct07008872', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I9","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E9","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E10","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E11","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E12","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(5, 1795873695000, 'Patient/bench-0', 'senl-t7', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"needs-review"}}]'),
	(6, 1795873695060, 'Patient/bench-1', '4scar7u', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(7, 1795873695054, 'Patient/bench-3', '4scar7u', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(8, 1795873695061, 'Patient/bench-2', '4scar7u', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(9, 1795873695054, 'Patient/bench-3', 'cd7-cart01', NULL, 'ineligible', '[{"id":"I1","old":null,"new":{"result":"not-met","reason":"age-outside"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"not-quantified"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}}]'),
	(13, 1795873695054, 'Patient/bench-3', 'nct04785833', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(15, 1795873695054, 'Patient/bench-3', 'nct07008872', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I9","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E9","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E10","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E11","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E12","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(19, 1795873695054, 'Patient/bench-3', 'senl-t7', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"needs-review"}}]'),
	(10, 1795873695061, 'Patient/bench-2', 'cd7-cart01', NULL, 'ineligible', '[{"id":"I1","old":null,"new":{"result":"not-met","reason":"age-outside"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"not-quantified"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}}]'),
	(11, 1795873695061, 'Patient/bench-2', 'nct04785833', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(14, 1795873695061, 'Patient/bench-2', 'nct07008872', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I9","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E9","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E10","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E11","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E12","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(17, 1795873695061, 'Patient/bench-2', 'senl-t7', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"needs-review"}}]'),
	(12, 1795873695060, 'Patient/bench-1', 'cd7-cart01', NULL, 'ineligible', '[{"id":"I1","old":null,"new":{"result":"not-met","reason":"age-outside"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"not-quantified"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}}]'),
	(16, 1795873695060, 'Patient/bench-1', 'nct04785833', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-review"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(18, 1795873695060, 'Patient/bench-1', 'nct07008872', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I4","old":null,"new":{"result":"unknown","reason":"needs-judgement"}},{"id":"I5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I6","old":null,"new":{"result":"met","reason":"age-within"}},{"id":"I7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"I9","old":null,"new":{"result":"unknown","reason":"awaits-consent"}},{"id":"E1","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E2","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E3","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E4","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E5","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E6","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E7","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E8","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E9","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E10","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E11","old":null,"new":{"result":"unknown","reason":"no-data"}},{"id":"E12","old":null,"new":{"result":"unknown","reason":"needs-judgement"}}]'),
	(20, 1795873695060, 'Patient/bench-1', 'senl-t7', NULL, 'potential-candidate', '[{"id":"I1","old":null,"new":{"result":"unknown","reason":"needs-review"}}]');


--
-- Data for Name: mark; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mark VALUES
	('hl7v2:ward/MSH-10', '2026-11-25T10:00:00Z');


--
-- Data for Name: merged; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.merged VALUES
	('Patient/bench-11', 'Patient/bench-10');


--
-- Data for Name: pending; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pending VALUES
	('Observation/bench-1-3', 1, 'waiting', 1795873994890, 1795873694890, 0, NULL, NULL, NULL),
	('Patient/bench-0', 1, 'waiting', 1795873994890, 1795873694890, 0, NULL, NULL, NULL),
	('Patient/bench-2', 1, 'dead', 1795873693890, 1795873694890, 1, 'ServerError', NULL, NULL);


--
-- Data for Name: resource_index; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.resource_index VALUES
	('Patient/bench-0', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["Patient"]'),
	('Condition/bench-0-c', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["acute-leukaemia","all-lineage-unspecified","malignancy"]'),
	('Observation/bench-0-0', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-1', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-2', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-3', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-4', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-5', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-6', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-7', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-8', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-9', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-10', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-11', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-12', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-13', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-14', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-15', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-16', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-0-17', 'Patient/bench-0', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Patient/bench-2', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["Patient"]'),
	('Condition/bench-2-c', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["acute-leukaemia","all-lineage-unspecified","malignancy"]'),
	('Observation/bench-2-0', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-1', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-2', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-3', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-4', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-5', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-6', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-7', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-8', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-9', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-10', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-11', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-12', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-13', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-14', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-15', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-16', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-2-17', 'Patient/bench-2', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Patient/bench-3', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["Patient"]'),
	('Condition/bench-3-c', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["acute-leukaemia","all-lineage-unspecified","malignancy"]'),
	('Observation/bench-3-0', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-1', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-2', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-3', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-4', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-5', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-6', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-7', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]');
INSERT INTO public.resource_index VALUES
	('Observation/bench-3-8', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-9', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-10', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-11', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-12', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-13', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-14', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-15', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-16', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-3-17', 'Patient/bench-3', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Patient/bench-1', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["Patient"]'),
	('Condition/bench-1-c', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["acute-leukaemia","all-lineage-unspecified","malignancy"]'),
	('Observation/bench-1-0', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-1', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-2', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-3', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-4', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-5', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-6', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-7', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-8', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-9', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-10', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-11', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-12', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-13', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-14', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-15', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-16', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]'),
	('Observation/bench-1-17', 'Patient/bench-1', '1', '2026-11-28T13:48:14.372+00:00', '["creatinine"]');


--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_version VALUES
	(1);


--
-- Data for Name: touch; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.touch VALUES
	('Observation/bench-1-3', 'value:creatinine', 1),
	('Patient/bench-0', 'everything', 1),
	('Patient/bench-2', 'everything', 1);


--
-- Data for Name: verdict; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.verdict VALUES
	('Patient/bench-0', '4scar7u', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"no-data"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"needs-judgement"},"I7":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"needs-judgement"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694945, 1798502400000, '23097d140c67b9b043d9cfcda74d1c029668f8d109693734bcf7e8d5c0a6ec15', 'ed2daeae4eefcef7e9bccb810657abe0a55a6f11d262939156ddf4ed22ce2bee'),
	('Patient/bench-0', 'cd7-cart01', 'ineligible', '{"I1":{"result":"not-met","reason":"age-outside"},"I2":{"result":"unknown","reason":"needs-review"},"I3":{"result":"unknown","reason":"not-quantified"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"}}', 1795873694945, NULL, 'b0a92ef5bd214e88a5425b4edfedb13f3aba93424f7c234280e23bc39d7a084e', '85ce1e300e604ace0dd354faf995587637856e53482079786165c36cd3613a9f'),
	('Patient/bench-0', 'nct04785833', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"awaits-consent"},"I3":{"result":"unknown","reason":"needs-judgement"},"I4":{"result":"unknown","reason":"needs-review"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"no-data"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694945, 2724451200000, '6b1ef00fca0999e75035fe79481748fe26d8928148accce1647defa3971763c2', 'c72f7374b5b27c6b6db0693e39552b8b0c3fe35a0f6b8deca6a04ab4d6a789bf'),
	('Patient/bench-0', 'nct07008872', 'potential-candidate', '{"I1":{"result":"unknown","reason":"no-data"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"needs-judgement"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"met","reason":"age-within"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"I9":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"no-data"},"E8":{"result":"unknown","reason":"no-data"},"E9":{"result":"unknown","reason":"no-data"},"E10":{"result":"unknown","reason":"no-data"},"E11":{"result":"unknown","reason":"no-data"},"E12":{"result":"unknown","reason":"needs-judgement"}}', 1795873694945, 1798502400000, '877d92b67a497cb4e137ca5af20ac5ff090b1e26c5660ab743382c44e87fbbb2', '63f77d508b928ea2438ddde460a359f674717a061b0f3b353d5b13e319916d74'),
	('Patient/bench-0', 'senl-t7', 'potential-candidate', '{"I1":{"result":"unknown","reason":"needs-review"}}', 1795873694945, NULL, 'd0197bdedf0b51ddd2badb8eeffa7a8c7aa7b8cee3fec8bd2b8d7d313b9ed782', 'c12b52c39a1c09101526ff56524d3251bc5412c47b989e725a09d141009bdf5d'),
	('Patient/bench-3', '4scar7u', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"no-data"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"needs-judgement"},"I7":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"needs-judgement"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694958, 1798502400000, '23097d140c67b9b043d9cfcda74d1c029668f8d109693734bcf7e8d5c0a6ec15', 'd5722f109560ca92aec812605b14bacd57223de7caa5671b08a5cd6e1b2588e1'),
	('Patient/bench-1', '4scar7u', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"no-data"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"needs-judgement"},"I7":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"needs-judgement"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694968, 1798502400000, '23097d140c67b9b043d9cfcda74d1c029668f8d109693734bcf7e8d5c0a6ec15', 'a56a6da5b5ceb965b33ac1a31825dac8b2d5356944488e808e00bfd78b58b4a2'),
	('Patient/bench-2', '4scar7u', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"no-data"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"needs-judgement"},"I7":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"needs-judgement"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694966, 1798502400000, '23097d140c67b9b043d9cfcda74d1c029668f8d109693734bcf7e8d5c0a6ec15', 'd6ef2774566f1fe639cfa8c8893be11fa21ef5f5d1692e4d8b772819a87c25b7'),
	('Patient/bench-3', 'cd7-cart01', 'ineligible', '{"I1":{"result":"not-met","reason":"age-outside"},"I2":{"result":"unknown","reason":"needs-review"},"I3":{"result":"unknown","reason":"not-quantified"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"}}', 1795873694958, NULL, 'b0a92ef5bd214e88a5425b4edfedb13f3aba93424f7c234280e23bc39d7a084e', 'e23d54c096eea9b8153eec64c9a495d80a869618d1dcea0c6f230cf3db7eb272'),
	('Patient/bench-1', 'cd7-cart01', 'ineligible', '{"I1":{"result":"not-met","reason":"age-outside"},"I2":{"result":"unknown","reason":"needs-review"},"I3":{"result":"unknown","reason":"not-quantified"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"}}', 1795873694968, NULL, 'b0a92ef5bd214e88a5425b4edfedb13f3aba93424f7c234280e23bc39d7a084e', '888e85f9988e1c19272e01971f914ba128de428a18adb5bcdcb0ccd796455485'),
	('Patient/bench-2', 'cd7-cart01', 'ineligible', '{"I1":{"result":"not-met","reason":"age-outside"},"I2":{"result":"unknown","reason":"needs-review"},"I3":{"result":"unknown","reason":"not-quantified"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"}}', 1795873694966, NULL, 'b0a92ef5bd214e88a5425b4edfedb13f3aba93424f7c234280e23bc39d7a084e', '27433b00b1ed55262c730d05a18e74fb2ab53c003a93727330f84fc527e9216d'),
	('Patient/bench-1', 'nct04785833', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"awaits-consent"},"I3":{"result":"unknown","reason":"needs-judgement"},"I4":{"result":"unknown","reason":"needs-review"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"no-data"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694968, 2724451200000, '6b1ef00fca0999e75035fe79481748fe26d8928148accce1647defa3971763c2', '965ccec8f068efa441c35f4b156ebc698d761ca7160fad6602da3efa23e10ae4'),
	('Patient/bench-1', 'nct07008872', 'potential-candidate', '{"I1":{"result":"unknown","reason":"no-data"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"needs-judgement"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"met","reason":"age-within"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"I9":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"no-data"},"E8":{"result":"unknown","reason":"no-data"},"E9":{"result":"unknown","reason":"no-data"},"E10":{"result":"unknown","reason":"no-data"},"E11":{"result":"unknown","reason":"no-data"},"E12":{"result":"unknown","reason":"needs-judgement"}}', 1795873694968, 1798502400000, '877d92b67a497cb4e137ca5af20ac5ff090b1e26c5660ab743382c44e87fbbb2', 'df69646b5ad9c96b05a71d83a1a87cf482bf938babac0c1f8e124406caa86564'),
	('Patient/bench-1', 'senl-t7', 'potential-candidate', '{"I1":{"result":"unknown","reason":"needs-review"}}', 1795873694968, NULL, 'd0197bdedf0b51ddd2badb8eeffa7a8c7aa7b8cee3fec8bd2b8d7d313b9ed782', '481929ddda68cc57985fa6519108c396fb0862fe2ee4909c33db6e987f64c30d'),
	('Patient/bench-3', 'nct04785833', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"awaits-consent"},"I3":{"result":"unknown","reason":"needs-judgement"},"I4":{"result":"unknown","reason":"needs-review"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"no-data"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694958, 2724451200000, '6b1ef00fca0999e75035fe79481748fe26d8928148accce1647defa3971763c2', '4ff8c6c8575b3c32ac54f90d9e634b52d7ed29387c914db07b0ef8e34c76bb53'),
	('Patient/bench-3', 'nct07008872', 'potential-candidate', '{"I1":{"result":"unknown","reason":"no-data"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"needs-judgement"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"met","reason":"age-within"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"I9":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"no-data"},"E8":{"result":"unknown","reason":"no-data"},"E9":{"result":"unknown","reason":"no-data"},"E10":{"result":"unknown","reason":"no-data"},"E11":{"result":"unknown","reason":"no-data"},"E12":{"result":"unknown","reason":"needs-judgement"}}', 1795873694958, 1798502400000, '877d92b67a497cb4e137ca5af20ac5ff090b1e26c5660ab743382c44e87fbbb2', '3370a76160d461ecb9e2fa6f1253bd656e0fdb4e130bfbdc975653002f32ac69'),
	('Patient/bench-3', 'senl-t7', 'potential-candidate', '{"I1":{"result":"unknown","reason":"needs-review"}}', 1795873694958, NULL, 'd0197bdedf0b51ddd2badb8eeffa7a8c7aa7b8cee3fec8bd2b8d7d313b9ed782', 'afa1826768eecf30fb2d4e61e72f741f3452b2256af5f8cc300c4c9145c1e110'),
	('Patient/bench-2', 'nct04785833', 'potential-candidate', '{"I1":{"result":"met","reason":"age-within"},"I2":{"result":"unknown","reason":"awaits-consent"},"I3":{"result":"unknown","reason":"needs-judgement"},"I4":{"result":"unknown","reason":"needs-review"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"unknown","reason":"no-data"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"needs-judgement"}}', 1795873694966, 2724451200000, '6b1ef00fca0999e75035fe79481748fe26d8928148accce1647defa3971763c2', '3a95eee05f04c63eeb07bc21b573b07a60c637b0b21b4595a2412c3a3cce3fb4'),
	('Patient/bench-2', 'nct07008872', 'potential-candidate', '{"I1":{"result":"unknown","reason":"no-data"},"I2":{"result":"unknown","reason":"no-data"},"I3":{"result":"unknown","reason":"no-data"},"I4":{"result":"unknown","reason":"needs-judgement"},"I5":{"result":"unknown","reason":"no-data"},"I6":{"result":"met","reason":"age-within"},"I7":{"result":"unknown","reason":"no-data"},"I8":{"result":"unknown","reason":"no-data"},"I9":{"result":"unknown","reason":"awaits-consent"},"E1":{"result":"unknown","reason":"no-data"},"E2":{"result":"unknown","reason":"no-data"},"E3":{"result":"unknown","reason":"no-data"},"E4":{"result":"unknown","reason":"no-data"},"E5":{"result":"unknown","reason":"no-data"},"E6":{"result":"unknown","reason":"no-data"},"E7":{"result":"unknown","reason":"no-data"},"E8":{"result":"unknown","reason":"no-data"},"E9":{"result":"unknown","reason":"no-data"},"E10":{"result":"unknown","reason":"no-data"},"E11":{"result":"unknown","reason":"no-data"},"E12":{"result":"unknown","reason":"needs-judgement"}}', 1795873694966, 1798502400000, '877d92b67a497cb4e137ca5af20ac5ff090b1e26c5660ab743382c44e87fbbb2', 'c6761e2536b9b853291e09c016313534c21bc535da4875f40765c318047fcf4a'),
	('Patient/bench-2', 'senl-t7', 'potential-candidate', '{"I1":{"result":"unknown","reason":"needs-review"}}', 1795873694966, NULL, 'd0197bdedf0b51ddd2badb8eeffa7a8c7aa7b8cee3fec8bd2b8d7d313b9ed782', '4a5b3b96faf297a6d20e3ce8ff6240f43408ce18bff7787bb4514e40cd4303d2');


--
-- Name: event_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.event_id_seq', 20, true);


--
-- Name: delivery delivery_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (event, url);


--
-- Name: duty duty_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.duty
    ADD CONSTRAINT duty_pkey PRIMARY KEY (name);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);


--
-- Name: mark mark_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mark
    ADD CONSTRAINT mark_pkey PRIMARY KEY (name);


--
-- Name: merged merged_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.merged
    ADD CONSTRAINT merged_pkey PRIMARY KEY (patient);


--
-- Name: pending pending_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending
    ADD CONSTRAINT pending_pkey PRIMARY KEY (key);


--
-- Name: resource_index resource_index_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource_index
    ADD CONSTRAINT resource_index_pkey PRIMARY KEY (resource, patient);


--
-- Name: schema_version schema_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);


--
-- Name: touch touch_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.touch
    ADD CONSTRAINT touch_pkey PRIMARY KEY (key, what);


--
-- Name: verdict verdict_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.verdict
    ADD CONSTRAINT verdict_pkey PRIMARY KEY (patient, study);


--
-- Name: pending_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_due ON public.pending USING btree (state, due);


--
-- Name: resource_index_patient; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_index_patient ON public.resource_index USING btree (patient);


--
-- Name: verdict_basis; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX verdict_basis ON public.verdict USING btree (study, basis);


--
-- Name: verdict_valid_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX verdict_valid_until ON public.verdict USING btree (valid_until);


--
-- PostgreSQL database dump complete
--


