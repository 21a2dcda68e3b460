DROP TABLE lawful_transition;
