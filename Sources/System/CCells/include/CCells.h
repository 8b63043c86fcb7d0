void ccells_placeholder(void);
