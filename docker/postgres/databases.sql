-- One server, two databases: the FHIR server's and the adapter's.
CREATE DATABASE hapi;
CREATE DATABASE adapter;
